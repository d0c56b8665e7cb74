public import PostgresWAL

/// What a pageserver shard reports about its progress.
///
/// Source: `safekeeper-core.md` §1.6, `replication-protocol.md` §4.4.
public struct PageserverFeedback: Hashable, Sendable {
    /// The logical size of the timeline in bytes; 0 from shards other than 0.
    public var currentTimelineSize: UInt64
    /// How far WAL has been received.
    public var lastReceived: LSN
    /// How far data is durable on the pageserver's disk.
    public var diskConsistent: LSN
    /// How far data is durable remotely.
    public var remoteConsistent: LSN
    /// When this was sent.
    public var replyTime: PostgresTimestamp
    /// The number of the shard.
    public var shardNumber: UInt32
    /// Whether the shard has seen that its data is corrupt.
    public var corruptionDetected: Bool

    /// Makes feedback; what is left out is what absent keys mean.
    public init(
        currentTimelineSize: UInt64 = 0,
        lastReceived: LSN = .invalid,
        diskConsistent: LSN = .invalid,
        remoteConsistent: LSN = .invalid,
        replyTime: PostgresTimestamp = .epoch,
        shardNumber: UInt32 = 0,
        corruptionDetected: Bool = false
    ) {
        self.currentTimelineSize = currentTimelineSize
        self.lastReceived = lastReceived
        self.diskConsistent = diskConsistent
        self.remoteConsistent = remoteConsistent
        self.replyTime = replyTime
        self.shardNumber = shardNumber
        self.corruptionDetected = corruptionDetected
    }
}
