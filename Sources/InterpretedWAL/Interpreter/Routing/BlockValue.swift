internal import PostgresWAL
internal import ShardIdentity

/// What a block reference becomes for the shard that owns the block.
///
/// Source: `wal-interpretation.md` §4.
struct BlockValue {
    var key: EncodedKey
    /// The relation file number, the block and the fork: what decides about the owner.
    var relation: UInt32
    var block: UInt32
    var fork: UInt8
    /// Bytes of the value in its stored form.
    var length: Int
    /// Whether the value is a page image of its own; otherwise it is the whole record.
    var isImage: Bool
    /// Whether the value starts the page afresh.
    var willInit: Bool
    /// The shard that owns the block, in the group that is being served.
    var owner: UInt8

    /// Bytes in front of a record in its stored form: two variants, will-init, length.
    static let recordHeaderSize = 17
    /// Bytes in front of an image: variant, length.
    static let imageHeaderSize = 12
}

extension BlockValue {
    /// Decides about a reference; throws if its key can't be sent.
    @inline(__always)
    init(_ block: BlockReference, of record: borrowing WALRecord) throws(InterpretationError) {
        let key = Key(
            field1: 0,
            field2: block.tablespace,
            field3: block.database,
            field4: block.relation,
            field5: block.fork,
            field6: block.block
        )
        guard let compact = CompactKey(key) else {
            throw InterpretationError(.unsupportedKey(key), in: record)
        }
        self.key = EncodedKey(compact)
        relation = block.relation
        self.block = block.block
        fork = block.fork
        owner = 0
        isImage = block.hasImage && BlockValue.travelsAsImage(block, of: record)
        willInit = block.willInit || block.appliesImage
        length =
            isImage
            ? BlockValue.imageHeaderSize + RelationPage.size
            : BlockValue.recordHeaderSize &+ record.bytes.byteCount
    }

    /// Only records that do nothing but log a page give their images away; the info byte has to match exactly.
    private static func travelsAsImage(_ block: BlockReference, of record: borrowing WALRecord) -> Bool {
        record.resourceManager == .xlog && (record.info == 0xA0 || record.info == 0xB0) && block.appliesImage
            && !block.image.isCompressed && block.image.length > 0
    }
}

// MARK: - Stored form

extension BlockValue {
    /// Writes a record's stored form and gives the position after it.
    ///
    /// Source: `wal-interpretation.md` §10.
    @inline(__always)
    func write(record: RawSpan, at pointer: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        var next = BigEndian.write(UInt32(1), at: pointer)
        next = BigEndian.write(UInt32(0), at: next)
        next = BigEndian.write(UInt8(willInit ? 1 : 0), at: next)
        next = BigEndian.write(UInt64(record.byteCount), at: next)
        record.withUnsafeBytes { next.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        return next + record.byteCount
    }

    /// Writes a page's stored form, stamped with its LSN unless the page is new, and gives the position after it.
    ///
    /// A page is new if `pd_upper`, bytes 14 and 15, is zero. The LSN stands in the first eight bytes, its upper half
    /// first. The checksum is left as it is.
    func write(
        image: RawSpan,
        _ block: BlockReference,
        lsn: LSN,
        at pointer: UnsafeMutableRawPointer
    ) throws(BlockImageError) -> UnsafeMutableRawPointer {
        var next = BigEndian.write(UInt32(0), at: pointer)
        next = BigEndian.write(UInt64(RelationPage.size), at: next)
        let room = UnsafeMutableRawBufferPointer(start: next, count: RelationPage.size)
        var page = MutableRawSpan(_unsafeBytes: room)
        try block.image.restore(from: image, into: &page)
        if room[14] != 0 || room[15] != 0 {
            let upper = UInt32(truncatingIfNeeded: lsn.rawValue >> 32)
            let lower = UInt32(truncatingIfNeeded: lsn.rawValue)
            next.storeBytes(of: upper.littleEndian, as: UInt32.self)
            next.storeBytes(of: lower.littleEndian, toByteOffset: 4, as: UInt32.self)
        }
        return next + RelationPage.size
    }
}
