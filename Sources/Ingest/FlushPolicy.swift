internal import PostgresWAL
public import ShardIdentity

/// When a shard is to be flushed.
///
/// A shard of many gets only its part of the WAL's values, so it may lag as many times further behind.
///
/// Source: `ingest.md` §5 (`disk_consistent_lsn`), §6.
public struct FlushPolicy: Hashable, Sendable {
    /// Bytes of WAL that one shard may be ahead of what is durable: 256 MiB (`checkpoint_distance`).
    public var distance: UInt64 = 256 << 20
    /// How long something may wait to become durable: 10 minutes (`checkpoint_timeout`).
    public var timeout: Duration = .seconds(600)

    /// Makes the standard policy.
    public init() {}

    /// Whether to flush now.
    ///
    /// - Parameters:
    ///   - positions: where the shard stands.
    ///   - shardCount: the tenant's number of shards.
    ///   - elapsed: the time since the last flush, or since the shard was opened.
    /// - Returns: whether there is enough to flush, or anything for long enough.
    public func isDue(_ positions: ShardPositions, shardCount: ShardCount, after elapsed: Duration) -> Bool {
        guard let ahead = positions.lastRecordLSN.distance(from: positions.diskConsistentLSN), ahead > 0 else {
            return false
        }
        let (limit, overflow) = distance.multipliedReportingOverflow(by: UInt64(shardCount.effective))
        return elapsed >= timeout || !overflow && ahead >= limit
    }
}
