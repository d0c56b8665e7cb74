/// The fragments of a record: its block references, main data and origin.
///
/// Parsed in place, used for record after record.
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

    /// What the last `parse` found.
    ///
    /// Outside of the struct, which is passed along for every record: it stays two words.
    @usableFromInline
    struct State {
        /// What the bits of an image's flags mean in this version.
        let imageFlags: ImageFlags
        let needsImageFlagTranslation: Bool
        @usableFromInline var blockCount = 0
        @usableFromInline var mainDataOffset = 0
        @usableFromInline var mainDataLength = 0
        @usableFromInline var origin: UInt16 = 0
        @usableFromInline var topLevelTransactionID: UInt32?
        /// Where the payloads begin, behind the fragment headers: for each block in order its image and its data, then
        /// the main data.
        var payloadOffset = 0
        /// What was wrong with the last record that was refused.
        var fault = RecordLayoutFault.lengthMismatch(declared: 0, found: 0)
    }

    @usableFromInline
    let state: UnsafeMutablePointer<State>
    /// Room for all the references that a record can have, allocated once.
    @usableFromInline
    let blocks: UnsafeMutablePointer<BlockReference>

    /// The number of block references.
    @inlinable
    public var blockCount: Int { state.pointee.blockCount }
    /// Where the main data begins in the record; the record's length if there is none.
    @inlinable
    public var mainDataOffset: Int { state.pointee.mainDataOffset }
    /// Bytes of main data.
    @inlinable
    public var mainDataLength: Int { state.pointee.mainDataLength }
    /// The replication origin that the record's change came from; 0 if it arose here.
    @inlinable
    public var origin: UInt16 { state.pointee.origin }
    /// The top-level transaction of a subtransaction's record; nil unless the record has it.
    @inlinable
    public var topLevelTransactionID: UInt32? { state.pointee.topLevelTransactionID }

    /// Makes room for the records of a version.
    public init(version: PostgresMajorVersion) {
        state = .allocate(capacity: 1)
        state.initialize(
            to: State(
                imageFlags: version.imageFlags,
                needsImageFlagTranslation: version.imageFlags != .v15AndLater
            )
        )
        blocks = .allocate(capacity: Self.maximumBlockCount)
        blocks.initialize(repeating: BlockReference(), count: Self.maximumBlockCount)
    }

    deinit {
        blocks.deinitialize(count: Self.maximumBlockCount)
        blocks.deallocate()
        state.deinitialize(count: 1)
        state.deallocate()
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
        let start = state.pointee.payloadOffset + Int(block.payloadOffset) + Int(block.image.length)
        return record.bytes.extracting(start..<start + Int(block.dataLength))
    }

    /// The page image, as it stands in the record, that `record`, the one parsed last, has for a block reference.
    @_lifetime(copy record)
    public func image(of block: BlockReference, in record: borrowing WALRecord) -> RawSpan {
        let start = state.pointee.payloadOffset + Int(block.payloadOffset)
        return record.bytes.extracting(start..<start + Int(block.image.length))
    }

    /// Parses a record whose CRC has been checked.
    ///
    /// - Parameter record: the record.
    /// - Throws: `layout` with the fault, at the record's start; what was parsed before is gone then.
    public mutating func parse(_ record: borrowing WALRecord) throws(WALDecodeError) {
        if parseOneBlock(record.bytes) { return }
        let isSound = record.bytes.withUnsafeBytes { parse(bytes: $0) }
        guard isSound else { throw refuse(record) }
    }

    /// Parses the commonest form: one block without an image, and short main data.
    ///
    /// Gives false for all others.
    ///
    /// Four of five records of an insert are of this form; taking them here halves what parsing costs.
    @inline(__always)
    private mutating func parseOneBlock(_ bytes: RawSpan) -> Bool {
        let headers = Int(46)
        guard bytes.byteCount >= headers else { return false }
        let start = bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: 24, as: UInt32.self).littleEndian
        let main = bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: 44, as: UInt16.self).littleEndian
        let flags = UInt8(truncatingIfNeeded: start >> 8)
        let dataLength = UInt16(truncatingIfNeeded: start >> 16)
        let mainLength = Int(main >> 8)
        // ID 0, no image, a relation of its own, a fork that exists, a data flag that agrees; then short main data.
        let others = BlockReference.Flag.hasImage | BlockReference.Flag.sameRelation | 0x0C
        guard start & (UInt32(others) << 8 | 0xFF) == 0, main & 0xFF == 0xFF,
            (flags & BlockReference.Flag.hasData != 0) == (dataLength != 0),
            bytes.byteCount &- headers == Int(dataLength) &+ mainLength
        else { return false }
        blocks.pointee.id = 0
        blocks.pointee.flags = flags
        blocks.pointee.dataLength = dataLength
        blocks.pointee.payloadOffset = 0
        blocks.pointee.image = BlockImage()
        blocks.pointee.tablespace = bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: 28, as: UInt32.self).littleEndian
        blocks.pointee.database = bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: 32, as: UInt32.self).littleEndian
        blocks.pointee.relation = bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: 36, as: UInt32.self).littleEndian
        blocks.pointee.block = bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: 40, as: UInt32.self).littleEndian
        state.pointee.blockCount = 1
        state.pointee.payloadOffset = headers
        state.pointee.mainDataLength = mainLength
        state.pointee.mainDataOffset = bytes.byteCount &- mainLength
        state.pointee.origin = 0
        state.pointee.topLevelTransactionID = nil
        return true
    }

    @inline(never)
    private mutating func refuse(_ record: borrowing WALRecord) -> WALDecodeError {
        state.pointee.blockCount = 0
        state.pointee.mainDataOffset = record.bytes.byteCount
        state.pointee.mainDataLength = 0
        return WALDecodeError(lsn: record.start, reason: .layout(state.pointee.fault), recordStart: record.start)
    }
}

// MARK: - Parsing

extension ParsedRecord {
    /// Fragment IDs above those of blocks.
    private enum FragmentID {
        static var topLevelTransaction: UInt8 { 252 }
        static var origin: UInt8 { 253 }
        static var mainDataLong: UInt8 { 254 }
        static var mainDataShort: UInt8 { 255 }
    }

    /// Walks the fragment headers; `payload` counts what they declare, which follows behind the last of them.
    ///
    /// Gives false, with ``fault`` set, where the layout is broken.
    @inline(never)
    private mutating func parse(bytes: UnsafeRawBufferPointer) -> Bool {
        state.pointee.blockCount = 0
        state.pointee.origin = 0
        state.pointee.topLevelTransactionID = nil
        var mainLength = 0
        var offset = WALRecord.headerSize
        var payload = 0
        let end = bytes.count
        while end &- offset > payload {
            let id = bytes.byte(at: offset)
            if id == FragmentID.mainDataShort {
                // The main data's header is the last one.
                guard end &- offset >= 2 else { return fail(.truncated(offset: offset)) }
                mainLength = Int(bytes.byte(at: offset &+ 1))
                offset &+= 2
                break
            }
            if id < UInt8(Self.maximumBlockCount) {
                guard parseBlock(id: id, bytes: bytes, offset: &offset, payload: &payload) else { return false }
                continue
            }
            let size = id == FragmentID.origin ? 3 : 5
            guard end &- offset >= size else { return fail(.truncated(offset: offset)) }
            if id == FragmentID.mainDataLong {
                mainLength = Int(bytes.littleEndian(at: offset &+ 1, as: UInt32.self))
                offset &+= size
                break
            }
            if id == FragmentID.origin {
                state.pointee.origin = bytes.littleEndian(at: offset &+ 1)
            } else if id == FragmentID.topLevelTransaction {
                state.pointee.topLevelTransactionID = bytes.littleEndian(at: offset &+ 1)
            } else {
                return fail(.unknownFragment(id: id, offset: offset))
            }
            offset &+= size
        }
        payload &+= mainLength
        guard end &- offset == payload else { return fail(.lengthMismatch(declared: payload, found: end &- offset)) }
        state.pointee.payloadOffset = offset
        state.pointee.mainDataLength = mainLength
        state.pointee.mainDataOffset = end &- mainLength
        return true
    }

    @inline(never)
    private mutating func fail(_ fault: RecordLayoutFault) -> Bool {
        state.pointee.fault = fault
        return false
    }

    /// Parses the block reference whose ID is at `offset`.
    @inline(__always)
    private mutating func parseBlock(
        id: UInt8,
        bytes: UnsafeRawBufferPointer,
        offset: inout Int,
        payload: inout Int
    ) -> Bool {
        let start = offset
        guard bytes.count &- offset >= 4 else { return fail(.truncated(offset: start)) }
        let flags = bytes.byte(at: offset &+ 1)
        let dataLength = bytes.littleEndian(at: offset &+ 2, as: UInt16.self)
        offset &+= 4
        let block = blocks + blockCount
        guard blockCount == 0 || id > block[-1].id else { return fail(.blockOrder(id: id)) }
        guard (flags & BlockReference.Flag.hasData != 0) == (dataLength != 0) else {
            return fail(.dataFlag(block: id, length: dataLength))
        }
        guard flags & BlockReference.Flag.forkMask <= 3 else {
            return fail(.fork(block: id, fork: flags & BlockReference.Flag.forkMask))
        }
        block.pointee.id = id
        block.pointee.flags = flags
        block.pointee.dataLength = dataLength
        block.pointee.payloadOffset = Int32(truncatingIfNeeded: payload)
        payload &+= Int(dataLength)
        if flags & BlockReference.Flag.hasImage != 0 {
            guard parseImage(of: block, bytes: bytes, offset: &offset) else { return false }
            payload &+= Int(block.pointee.image.length)
        } else {
            block.pointee.image = BlockImage()
        }
        if flags & BlockReference.Flag.sameRelation == 0 {
            guard bytes.count &- offset >= 16 else { return fail(.truncated(offset: start)) }
            block.pointee.tablespace = bytes.littleEndian(at: offset)
            block.pointee.database = bytes.littleEndian(at: offset &+ 4)
            block.pointee.relation = bytes.littleEndian(at: offset &+ 8)
            offset &+= 12
        } else {
            guard blockCount > 0 else { return fail(.noPreviousRelation(block: id)) }
            guard bytes.count &- offset >= 4 else { return fail(.truncated(offset: start)) }
            block.pointee.tablespace = block[-1].tablespace
            block.pointee.database = block[-1].database
            block.pointee.relation = block[-1].relation
        }
        block.pointee.block = bytes.littleEndian(at: offset)
        offset &+= 4
        state.pointee.blockCount &+= 1
        return true
    }

    @inline(never)
    private mutating func parseImage(
        of block: UnsafeMutablePointer<BlockReference>,
        bytes: UnsafeRawBufferPointer,
        offset: inout Int
    ) -> Bool {
        guard bytes.count - offset >= 5 else { return fail(.truncated(offset: offset)) }
        var image = BlockImage()
        image.length = bytes.littleEndian(at: offset)
        image.holeOffset = bytes.littleEndian(at: offset + 2)
        let info = bytes[offset + 4]
        image.attributes = state.pointee.needsImageFlagTranslation ? state.pointee.imageFlags.translated(info) : info
        offset += 5
        let pageSize = UInt16(RelationPage.size)
        let hasHole = info & state.pointee.imageFlags.hasHole != 0
        if image.isCompressed {
            if hasHole {
                guard bytes.count - offset >= 2 else { return fail(.truncated(offset: offset)) }
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
            return fail(
                .imageLayout(
                    block: block.pointee.id,
                    length: image.length,
                    holeOffset: image.holeOffset,
                    holeLength: image.holeLength,
                    info: info
                )
            )
        }
        block.pointee.image = image
        return true
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
    /// The byte at `offset`.
    ///
    /// Callers have checked that it is inside.
    @inline(__always)
    func byte(at offset: Int) -> UInt8 {
        load(fromByteOffset: offset, as: UInt8.self)
    }

    /// The little-endian integer at `offset`.
    ///
    /// Callers have checked that it is inside.
    @inline(__always)
    func littleEndian<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: T.Type = T.self) -> T {
        T(littleEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
    }
}
