internal import PostgresWAL
internal import ShardIdentity

extension MetadataInterpreter {
    /// MULTIXACT: sets of transactions that lock one row.
    ///
    /// Source: `wal-interpretation.md` §3.5.
    static func multiXact(
        _ main: borrowing MainData,
        version: PostgresMajorVersion
    ) throws(InterpretationError) -> MultiXactMetadata? {
        switch main.operation {
        case 0x00: return try zeroPage(.multiXactOffsets, main, version: version)
        case 0x10: return try zeroPage(.multiXactMembers, main, version: version)
        case 0x20: return try create(main)
        case 0x30:
            return .truncate(
                oldestDatabase: try main.read(UInt32.self, at: 0),
                startMultiXact: try main.read(UInt32.self, at: 4),
                endMultiXact: try main.read(UInt32.self, at: 8),
                startMember: try main.read(UInt32.self, at: 12),
                endMember: try main.read(UInt32.self, at: 16)
            )
        default: return nil
        }
    }

    private static func zeroPage(
        _ kind: SLRUKind,
        _ main: borrowing MainData,
        version: PostgresMajorVersion
    ) throws(InterpretationError) -> MultiXactMetadata {
        let page = try main.readPageNumber(version: version)
        return .zeroPage(kind: kind, segment: page / SLRUSegment.pageCount, page: page % SLRUSegment.pageCount)
    }

    private static func create(_ main: borrowing MainData) throws(InterpretationError) -> MultiXactMetadata {
        let multiXact = try main.read(UInt32.self, at: 0)
        let memberOffset = try main.read(UInt32.self, at: 4)
        let count = try main.checkCount(Int64(try main.read(UInt32.self, at: 8)), of: 8, at: 12)
        var members: [MultiXactMember] = []
        members.reserveCapacity(count)
        for offset in stride(from: 12, to: 12 + 8 * count, by: 8) {
            members.append(
                MultiXactMember(
                    xid: try main.read(UInt32.self, at: offset),
                    status: try main.read(UInt32.self, at: offset + 4)
                )
            )
        }
        return .create(multiXact: multiXact, memberOffset: memberOffset, members: members)
    }
}
