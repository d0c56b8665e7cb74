/// What a shard has ingested since it was opened.
///
/// Source: `ingest.md` §1.6 (`pageserver_wal_ingest_*`).
public struct IngestStatistics: Hashable, Sendable {
    /// Records ingested.
    public internal(set) var records: UInt64 = 0
    /// Records passed over because they had been ingested before.
    public internal(set) var skippedRecords: UInt64 = 0
    /// Values of blocks that start a page afresh.
    public internal(set) var images: UInt64 = 0
    /// Values of blocks that change a page.
    public internal(set) var deltas: UInt64 = 0
    /// Entries that only named a block.
    public internal(set) var observed: UInt64 = 0
    /// Values of anything but blocks.
    public internal(set) var metadataValues: UInt64 = 0
    /// Zero pages made for blocks that no record wrote.
    public internal(set) var gapBlocks: UInt64 = 0
    /// Commits to the store.
    public internal(set) var commits: UInt64 = 0
}
