/// How much is gathered before it is committed, and what is refused.
public struct IngestOptions: Sendable {
    /// Records after which the store gets a commit: at least 1.
    public var batchSize = 100
    /// Bytes of values after which the store gets a commit.
    ///
    /// The values that come with a record may go beyond; of the pages that ingest makes for one they are written ahead.
    public var maximumPendingBytes = 8 << 20
    /// Zero pages that one record may need where it writes to a relation far behind its end.
    ///
    /// Each is a page in the store: 1 Mi of them are 8 GiB.
    public var maximumGapBlocks = 1 << 20
    /// Relations whose sizes are remembered, and relation forks of directories; beyond, all are forgotten and read again.
    public var maximumCachedRelations = 1 << 20
    /// Told of what is odd.
    ///
    /// Called on the thread that ingests.
    public var onWarning: (@Sendable (IngestWarning) -> Void)?

    /// Makes the standard options.
    public init() {}
}
