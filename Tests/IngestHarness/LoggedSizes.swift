package import PostgresWAL
package import ShardIdentity
import WALFiles

/// How large records make free space maps and visibility maps, by nothing but the blocks that they name.
///
/// PostgreSQL does not log that a map grows, only what it writes to some of its pages, and what a truncation leaves of it. So
/// a map may be larger in its file than for anybody who has only the WAL.
package struct LoggedSizes {
    /// The blocks up to the last one that a record names, of each map that one names.
    package private(set) var blocks: [RelationTag: UInt32] = [:]
    /// Relations that were cut, which may make their maps smaller.
    package private(set) var cut: Set<RelationLocator> = []

    package init(_ walDirectory: String, from start: LSN, to end: LSN) throws {
        let walk = WALWalk(directory: try WALDirectory(path: walDirectory), start: start, end: end)
        _ = try walk.run { record, parsed in
            for index in 0..<parsed.blockCount {
                let reference = parsed[index]
                guard reference.fork == ForkNumber.freeSpaceMap || reference.fork == ForkNumber.visibilityMap else {
                    continue
                }
                let locator = RelationLocator(
                    tablespace: reference.tablespace,
                    database: reference.database,
                    relation: reference.relation
                )
                let map = RelationTag(locator: locator, fork: reference.fork)
                blocks[map] = max(blocks[map] ?? 0, reference.block + 1)
            }
            // `xl_smgr_truncate`: blocks, tablespace, database, relation, flags.
            guard record.resourceManager == .storage, record.info & 0xF0 == 0x20 else { return }
            let content = parsed.mainData(of: record)
            cut.insert(
                RelationLocator(
                    tablespace: content.littleEndian(at: 4),
                    database: content.littleEndian(at: 8),
                    relation: content.littleEndian(at: 12)
                )
            )
        }
    }
}
