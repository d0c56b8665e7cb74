public import ShardIdentity

/// What a MULTIXACT record says: sets of transactions that lock one row.
///
/// Source: `wal-interpretation.md` §3.5 and §11 (MultiXact).
public enum MultiXactMetadata: Hashable, Sendable {
    /// A page was started: its segment, and its number in the segment (0 to 31).
    case zeroPage(kind: SLRUKind, segment: UInt32, page: UInt32)
    /// A multixact was made of `members`, which are stored from `memberOffset` on.
    case create(multiXact: UInt32, memberOffset: UInt32, members: [MultiXactMember])
    /// Multixacts and members were removed: from start up to, not including, end.
    case truncate(
        oldestDatabase: UInt32,
        startMultiXact: UInt32,
        endMultiXact: UInt32,
        startMember: UInt32,
        endMember: UInt32
    )
}

/// One transaction of a multixact.
@frozen
public struct MultiXactMember: Hashable, Sendable {
    /// The transaction.
    public var xid: UInt32
    /// How it locks: 0 for key share, 1 for share, 2 for no key update, 3 for update, 4 no key update, 5 update.
    public var status: UInt32

    /// Makes a member of its parts.
    @inlinable
    public init(xid: UInt32, status: UInt32) {
        self.xid = xid
        self.status = status
    }
}

// MARK: - Bincode

extension MultiXactMetadata: BincodeCodable {
    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        switch self {
        case .zeroPage(let kind, let segment, let page):
            buffer.append(variant: 0)
            buffer.append(variant: UInt32(kind.rawValue))
            buffer.append(bigEndian: segment)
            buffer.append(bigEndian: page)
        case .create(let multiXact, let memberOffset, let members):
            buffer.append(variant: 1)
            buffer.append(bigEndian: multiXact)
            buffer.append(bigEndian: memberOffset)
            buffer.append(bigEndian: UInt32(members.count))
            buffer.append(sequence: members)
        case .truncate(let oldestDatabase, let startMultiXact, let endMultiXact, let startMember, let endMember):
            buffer.append(variant: 2)
            for number in [oldestDatabase, startMultiXact, endMultiXact, startMember, endMember] {
                buffer.append(bigEndian: number)
            }
        }
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        switch try reader.readVariant() {
        case 0:
            self = .zeroPage(
                kind: try MultiXactMetadata.readKind(from: &reader),
                segment: try reader.read(),
                page: try reader.read()
            )
        case 1:
            self = try MultiXactMetadata.readCreate(from: &reader)
        case 2:
            self = .truncate(
                oldestDatabase: try reader.read(),
                startMultiXact: try reader.read(),
                endMultiXact: try reader.read(),
                startMember: try reader.read(),
                endMember: try reader.read()
            )
        case let other:
            throw .unknownVariant(path: "MetadataRecord.MultiXact", value: other)
        }
    }

    private static func readKind(from reader: inout BincodeReader) throws(BincodeError) -> SLRUKind {
        let value = try reader.readVariant()
        guard let kind = SLRUKind(rawValue: value) else {
            throw .unknownVariant(path: "MetadataRecord.MultiXact.ZeroPage.slru_kind", value: value)
        }
        return kind
    }

    /// The count is stored twice, so the two have to agree.
    private static func readCreate(from reader: inout BincodeReader) throws(BincodeError) -> MultiXactMetadata {
        let multiXact: UInt32 = try reader.read()
        let memberOffset: UInt32 = try reader.read()
        let countOffset = reader.offset
        let count: UInt32 = try reader.read()
        let members: [MultiXactMember] = try reader.readSequence(minimumElementSize: MultiXactMember.encodedSize)
        guard members.count == count else {
            throw .countMismatch(offset: countOffset, declared: UInt64(count), found: members.count)
        }
        return .create(multiXact: multiXact, memberOffset: memberOffset, members: members)
    }
}

extension MultiXactMember: BincodeCodable {
    /// The bytes of the bincode form.
    package static let encodedSize = 8

    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        buffer.append(bigEndian: xid)
        buffer.append(bigEndian: status)
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        self.init(xid: try reader.read(), status: try reader.read())
    }
}
