public import PostgresWAL

/// How far a shard has got.
public struct ShardPositions: Hashable, Sendable {
    /// The LSN from which on the shard has everything; nothing can be read below.
    public internal(set) var initialLSN: LSN
    /// The LSN of the last record: everything up to here can be read.
    public internal(set) var lastRecordLSN: LSN
    /// The LSN of the record before the last one; 0/0 if not known.
    ///
    /// On shard zero it is where the record before the newest one ended.
    public internal(set) var previousRecordLSN: LSN
    /// Everything up to here survives a crash, and ingest goes on from here after one.
    public internal(set) var diskConsistentLSN: LSN
    /// The size of all relations in bytes, on shard zero; 0 on all others.
    public internal(set) var logicalSize: UInt64
    /// Whether the WAL up to the end of the base backup that the shard was made of is still to come.
    ///
    /// Until then pages may be newer than what is read says.
    public internal(set) var isInBackup: Bool

    init(_ state: ShardState, diskConsistentLSN: LSN) {
        initialLSN = state.initialLSN
        lastRecordLSN = state.lastRecordLSN
        previousRecordLSN = state.previousRecordLSN
        self.diskConsistentLSN = diskConsistentLSN
        let blocks = state.shard.isShardZero ? max(state.logicalBlocks, 0) : 0
        logicalSize = UInt64(blocks) * UInt64(RelationPage.size)
        isInBackup = state.isInBackup
    }
}
