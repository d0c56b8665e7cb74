import PostgresWAL

/// A WAL record put together from its parts.
struct CraftedRecord {
    var resourceManager: ResourceManager
    var info: UInt8
    var transactionID: UInt32 = 700
    var origin: UInt16?
    var blocks: [CraftedBlock] = []
    var mainData: [UInt8] = []

    /// The record as the generator takes it.
    var contents: WALRecordContents {
        var fragments: [UInt8] = []
        for (id, block) in blocks.enumerated() { block.appendHeader(id: UInt8(id), to: &fragments) }
        if let origin {
            fragments.append(253)
            fragments.appendLittleEndian(origin)
        }
        if mainData.count > 255 {
            fragments.append(254)
            fragments.appendLittleEndian(UInt32(mainData.count))
        } else if !mainData.isEmpty {
            fragments += [255, UInt8(mainData.count)]
        }
        for block in blocks { fragments += (block.image?.bytes ?? []) + block.data }
        fragments += mainData
        return WALRecordContents(
            resourceManager: resourceManager,
            info: info,
            transactionID: transactionID,
            fragments: fragments
        )
    }
}

/// One of its block references.
struct CraftedBlock {
    var tablespace: UInt32 = 1663
    var database: UInt32 = 5
    var relation: UInt32 = 16384
    var fork: UInt8 = 0
    var block: UInt32
    var willInit = false
    var data: [UInt8] = []
    var image: CraftedImage?

    fileprivate func appendHeader(id: UInt8, to fragments: inout [UInt8]) {
        var flags = fork
        if image != nil { flags |= BlockReference.Flag.hasImage }
        if !data.isEmpty { flags |= BlockReference.Flag.hasData }
        if willInit { flags |= BlockReference.Flag.willInit }
        fragments += [id, flags]
        fragments.appendLittleEndian(UInt16(data.count))
        if let image {
            fragments.appendLittleEndian(UInt16(image.bytes.count))
            fragments.appendLittleEndian(image.holeOffset)
            fragments.append(image.info)
            if let holeLength = image.holeLength { fragments.appendLittleEndian(holeLength) }
        }
        for number in [tablespace, database, relation, block] { fragments.appendLittleEndian(number) }
    }
}

/// The page image of a reference.
struct CraftedImage {
    var bytes: [UInt8]
    var holeOffset: UInt16
    /// The flags byte, in the version's own meaning.
    var info: UInt8
    /// Written for compressed images with a hole only.
    var holeLength: UInt16?

    /// An uncompressed image of a page that is a hole from byte 24 to 8176, to be applied.
    static func page(_ version: PostgresMajorVersion, isNew: Bool = false) -> CraftedImage {
        var bytes = [UInt8](repeating: 0, count: 40)
        bytes[0] = 0xAB
        if !isNew { bytes[14] = 0x20 }
        bytes[39] = 0xEE
        let flags = version.imageFlags
        return CraftedImage(bytes: bytes, holeOffset: 24, info: flags.hasHole | flags.apply)
    }
}

/// Main data, field by field in little-endian order.
func littleEndian(_ fields: any FixedWidthInteger...) -> [UInt8] {
    var bytes: [UInt8] = []
    for field in fields { append(field, to: &bytes) }
    return bytes
}

private func append(_ field: some FixedWidthInteger, to bytes: inout [UInt8]) {
    bytes.appendLittleEndian(field)
}
