/// The fragments of a record: its block references, main data and origin. Parsed in place, used for record after record.
///
/// ```
/// var parsed = ParsedRecord(version: .v16)
/// while let record = try decoder.next(&input) {
///     try parsed.parse(record)
///     for index in 0..<parsed.blockCount { … parsed[index].block … }
///     … parsed.mainData(of: record) …
/// }
/// ```
/// Offsets are into the bytes of the record that was parsed last. Source: `wal-decoding.md` §4 and §11.
public struct ParsedRecord: ~Copyable {
    /// The highest number of block references a record can have (`XLR_MAX_BLOCK_ID` + 1).
    public static let maximumBlockCount = 33

    /// What the bits of an image's flags mean in this version.
    private let imageFlags: ImageFlags
    private let needsImageFlagTranslation: Bool

    /// Room for all the references that a record can have, allocated once.
    @usableFromInline
    let blocks: UnsafeMutablePointer<BlockReference>
    /// The number of block references.
    public private(set) var blockCount = 0
    /// Where the main data begins in the record; the record's length if there is none.
    public private(set) var mainDataOffset = 0
    /// Bytes of main data.
    public private(set) var mainDataLength = 0
    /// The replication origin that the record's change came from; 0 if it arose here.
    public private(set) var origin: UInt16 = 0
    /// The top-level transaction of a subtransaction's record; nil unless the record has it.
    public private(set) var topLevelTransactionID: UInt32?

    /// Makes room for the records of a version.
    public init(version: PostgresMajorVersion) {
        imageFlags = version.imageFlags
        needsImageFlagTranslation = version.imageFlags != .v15AndLater
        blocks = .allocate(capacity: Self.maximumBlockCount)
        blocks.initialize(repeating: BlockReference(), count: Self.maximumBlockCount)
    }

    deinit {
        blocks.deinitialize(count: Self.maximumBlockCount)
        blocks.deallocate()
    }

    /// The block reference at `index`, 0 to ``blockCount`` - 1, in the record's order.
    @inlinable
    public subscript(index: Int) -> BlockReference {
        precondition(index >= 0 && index < blockCount, "block reference out of range")
        return blocks[index]
    }

    /// The main data of `record`, which must be the one parsed last.
    @_lifetime(copy record)
    public func mainData(of record: borrowing WALRecord) -> RawSpan {
        record.bytes.extracting(mainDataOffset..<mainDataOffset + mainDataLength)
    }

    /// The data that `record`, the one parsed last, has for one of its block references.
    @_lifetime(copy record)
    public func data(of block: BlockReference, in record: borrowing WALRecord) -> RawSpan {
        record.bytes.extracting(Int(block.dataOffset)..<Int(block.dataOffset) + Int(block.dataLength))
    }

    /// The page image, as it stands in the record, that `record`, the one parsed last, has for a block reference.
    @_lifetime(copy record)
    public func image(of block: BlockReference, in record: borrowing WALRecord) -> RawSpan {
        record.bytes.extracting(Int(block.imageOffset)..<Int(block.imageOffset) + Int(block.image.length))
    }

    /// Parses a record whose CRC has been checked.
    ///
    /// - Parameter record: the record.
    /// - Throws: `layout` with the fault, at the record's start; what was parsed before is gone then.
    public mutating func parse(_ record: borrowing WALRecord) throws(WALDecodeError) {
        let fault = record.bytes.withUnsafeBytes { parse(bytes: $0) }
        if let fault {
            blockCount = 0
            mainDataOffset = record.bytes.byteCount
            mainDataLength = 0
            throw WALDecodeError(lsn: record.start, reason: .layout(fault), recordStart: record.start)
        }
    }
}

// MARK: - Parsing

extension ParsedRecord {
    /// Fragment IDs above those of blocks.
    private enum FragmentID {
        static let topLevelTransaction: UInt8 = 252
        static let origin: UInt8 = 253
        static let mainDataLong: UInt8 = 254
        static let mainDataShort: UInt8 = 255
    }

    /// Walks the fragment headers; `payload` counts what they declare, which follows behind the last of them.
    private mutating func parse(bytes: UnsafeRawBufferPointer) -> RecordLayoutFault? {
        blockCount = 0
        mainDataLength = 0
        origin = 0
        topLevelTransactionID = nil
        var offset = WALRecord.headerSize
        var payload = 0
        let end = bytes.count
        while end - offset > payload {
            let id = bytes[offset]
            offset += 1
            if id < UInt8(Self.maximumBlockCount) {
                if let fault = parseBlock(id: id, bytes: bytes, offset: &offset, payload: &payload) { return fault }
                continue
            }
            let size = id == FragmentID.mainDataShort ? 1 : id == FragmentID.origin ? 2 : 4
            guard end - offset >= size else { return .truncated(offset: offset - 1) }
            switch id {
            case FragmentID.mainDataShort:
                mainDataLength = Int(bytes[offset])
            case FragmentID.mainDataLong:
                mainDataLength = Int(bytes.littleEndian(at: offset, as: UInt32.self))
            case FragmentID.origin:
                origin = bytes.littleEndian(at: offset)
            case FragmentID.topLevelTransaction:
                topLevelTransactionID = bytes.littleEndian(at: offset)
            default:
                return .unknownFragment(id: id, offset: offset - 1)
            }
            offset += size
            // The main data's header is the last one.
            if id >= FragmentID.mainDataLong {
                payload += mainDataLength
                break
            }
        }
        guard end - offset == payload else { return .lengthMismatch(declared: payload, found: end - offset) }
        locatePayloads(from: offset)
        mainDataOffset = end - mainDataLength
        return nil
    }

    @inline(__always)
    private mutating func parseBlock(
        id: UInt8, bytes: UnsafeRawBufferPointer, offset: inout Int, payload: inout Int
    ) -> RecordLayoutFault? {
        let start = offset - 1
        guard blockCount == 0 || id > blocks[blockCount - 1].id else { return .blockOrder(id: id) }
        guard bytes.count - offset >= 3 else { return .truncated(offset: start) }
        let flags = bytes[offset]
        let dataLength = bytes.littleEndian(at: offset + 1, as: UInt16.self)
        offset += 3
        guard (flags & BlockReference.Flag.hasData != 0) == (dataLength != 0) else {
            return .dataFlag(block: id, length: dataLength)
        }
        guard flags & BlockReference.Flag.forkMask <= 3 else {
            return .fork(block: id, fork: flags & BlockReference.Flag.forkMask)
        }
        let block = blocks + blockCount
        block.pointee.id = id
        block.pointee.flags = flags
        block.pointee.dataLength = dataLength
        payload += Int(dataLength)
        if flags & BlockReference.Flag.hasImage != 0 {
            if let fault = parseImage(of: block, bytes: bytes, offset: &offset) { return fault }
            payload += Int(block.pointee.image.length)
        } else {
            block.pointee.image = BlockImage()
        }
        if flags & BlockReference.Flag.sameRelation == 0 {
            guard bytes.count - offset >= 16 else { return .truncated(offset: start) }
            block.pointee.tablespace = bytes.littleEndian(at: offset)
            block.pointee.database = bytes.littleEndian(at: offset + 4)
            block.pointee.relation = bytes.littleEndian(at: offset + 8)
            offset += 12
        } else {
            guard blockCount > 0 else { return .noPreviousRelation(block: id) }
            guard bytes.count - offset >= 4 else { return .truncated(offset: start) }
            block.pointee.tablespace = block[-1].tablespace
            block.pointee.database = block[-1].database
            block.pointee.relation = block[-1].relation
        }
        block.pointee.block = bytes.littleEndian(at: offset)
        offset += 4
        blockCount += 1
        return nil
    }

    @inline(never)
    private func parseImage(
        of block: UnsafeMutablePointer<BlockReference>, bytes: UnsafeRawBufferPointer, offset: inout Int
    ) -> RecordLayoutFault? {
        guard bytes.count - offset >= 5 else { return .truncated(offset: offset) }
        var image = BlockImage()
        image.length = bytes.littleEndian(at: offset)
        image.holeOffset = bytes.littleEndian(at: offset + 2)
        let info = bytes[offset + 4]
        image.attributes = needsImageFlagTranslation ? imageFlags.translated(info) : info
        offset += 5
        let pageSize = UInt16(RelationPage.size)
        let hasHole = info & imageFlags.hasHole != 0
        if image.isCompressed {
            if hasHole {
                guard bytes.count - offset >= 2 else { return .truncated(offset: offset) }
                image.holeLength = bytes.littleEndian(at: offset)
                offset += 2
            }
        } else if image.length <= pageSize {
            image.holeLength = pageSize - image.length
        }
        let isConsistent =
            hasHole
            ? image.holeOffset != 0 && image.holeLength != 0 && image.length < pageSize
                && Int(image.holeOffset) + Int(image.holeLength) <= RelationPage.size
            : image.holeOffset == 0 && image.holeLength == 0 && (image.isCompressed) == (image.length < pageSize)
                && image.length <= pageSize
        guard isConsistent else {
            return .imageLayout(
                block: block.pointee.id, length: image.length, holeOffset: image.holeOffset,
                holeLength: image.holeLength, info: info)
        }
        block.pointee.image = image
        return nil
    }

    /// Payloads follow the headers in their order: for each block its image and its data, the main data last.
    @inline(__always)
    private func locatePayloads(from start: Int) {
        var offset = Int32(truncatingIfNeeded: start)
        for index in 0..<blockCount {
            blocks[index].imageOffset = offset
            offset &+= Int32(blocks[index].image.length)
            blocks[index].dataOffset = offset
            offset &+= Int32(blocks[index].dataLength)
        }
    }
}

extension ImageFlags {
    /// A flags byte of this version in the meaning of PostgreSQL 15 and later.
    func translated(_ info: UInt8) -> UInt8 {
        let target = ImageFlags.v15AndLater
        return (info & hasHole != 0 ? target.hasHole : 0) | (info & apply != 0 ? target.apply : 0)
            | (info & pglz != 0 ? target.pglz : 0)
    }
}

extension UnsafeRawBufferPointer {
    /// The little-endian integer at `offset`. Callers have checked that it is inside.
    @inline(__always)
    func littleEndian<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: T.Type = T.self) -> T {
        T(littleEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
    }
}
