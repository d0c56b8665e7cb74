/// A change to a stored page: a PostgreSQL WAL record, or one of the changes that the ingest makes itself.
///
/// The interpreting side produces only ``postgres(willInit:record:)``.
///
/// Source: `wal-interpretation.md` §10 (NeonWalRecord).
public enum NeonWALRecord: Hashable, Sendable {
    /// A complete raw WAL record; `willInit` if replaying it needs no earlier page.
    case postgres(willInit: Bool, record: [UInt8])
    /// Clears bits of a visibility map page for up to two heap blocks: flags 3 all-visible and all-frozen, 2 all-frozen.
    case clearVisibilityMapFlags(newHeapBlock: UInt32?, oldHeapBlock: UInt32?, flags: UInt8)
    /// Marks transactions of a commit log page committed, at a time in PostgreSQL's microseconds.
    case clogSetCommitted(xids: [UInt32], timestamp: Int64)
    /// Marks transactions of a commit log page aborted.
    case clogSetAborted(xids: [UInt32])
    /// Sets where a multixact's members start.
    case multiXactOffsetCreate(multiXact: UInt32, memberOffset: UInt32)
    /// Writes a multixact's members from an offset on.
    case multiXactMembersCreate(memberOffset: UInt32, members: [MultiXactMember])
    /// Sets a file kept in the store, or removes it (nil).
    case auxiliaryFile(path: String, content: [UInt8]?)
    /// Zeroes a visibility map page's end: from this byte on, and in that byte from this bit offset on.
    case truncateVisibilityMap(byte: UInt64, offset: UInt64)
}

extension NeonWALRecord: BincodeCodable {
    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        switch self {
        case .postgres(let willInit, let record):
            buffer.append(variant: 0)
            buffer.append(bool: willInit)
            buffer.append(byteString: record)
        case .clearVisibilityMapFlags(let newHeapBlock, let oldHeapBlock, let flags):
            buffer.append(variant: 1)
            buffer.append(optional: newHeapBlock)
            buffer.append(optional: oldHeapBlock)
            buffer.append(flags)
        case .clogSetCommitted(let xids, let timestamp):
            buffer.append(variant: 2)
            buffer.append(sequence: xids)
            buffer.append(bigEndian: timestamp)
        case .clogSetAborted(let xids):
            buffer.append(variant: 3)
            buffer.append(sequence: xids)
        case .multiXactOffsetCreate(let multiXact, let memberOffset):
            buffer.append(variant: 4)
            buffer.append(bigEndian: multiXact)
            buffer.append(bigEndian: memberOffset)
        case .multiXactMembersCreate(let memberOffset, let members):
            buffer.append(variant: 5)
            buffer.append(bigEndian: memberOffset)
            buffer.append(sequence: members)
        case .auxiliaryFile(let path, let content):
            buffer.append(variant: 6)
            buffer.append(text: path)
            buffer.append(bool: content != nil)
            if let content { buffer.append(byteString: content) }
        case .truncateVisibilityMap(let byte, let offset):
            buffer.append(variant: 7)
            buffer.append(bigEndian: byte)
            buffer.append(bigEndian: offset)
        }
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        switch try reader.readVariant() {
        case 0:
            self = .postgres(willInit: try reader.readBool(), record: try reader.readByteString())
        case 1:
            self = .clearVisibilityMapFlags(
                newHeapBlock: try reader.readOptionalUInt32(),
                oldHeapBlock: try reader.readOptionalUInt32(),
                flags: try reader.read()
            )
        case 2:
            self = .clogSetCommitted(xids: try reader.readUInt32Sequence(), timestamp: try reader.read())
        case 3:
            self = .clogSetAborted(xids: try reader.readUInt32Sequence())
        case 4:
            self = .multiXactOffsetCreate(multiXact: try reader.read(), memberOffset: try reader.read())
        case 5:
            self = .multiXactMembersCreate(
                memberOffset: try reader.read(),
                members: try reader.readSequence(minimumElementSize: 8)
            )
        case 6:
            self = .auxiliaryFile(
                path: try reader.readText(),
                content: try reader.readBool() ? try reader.readByteString() : nil
            )
        case 7:
            self = .truncateVisibilityMap(byte: try reader.read(), offset: try reader.read())
        case let other:
            throw .unknownVariant(path: "NeonWalRecord", value: other)
        }
    }
}
