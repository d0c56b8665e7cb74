public import PostgresWAL

/// How the pushing of WAL stands, for those who watch it.
public struct WALPushStatus: Hashable, Sendable {
    /// Whether WAL is being received of the server.
    public var isSourceConnected = false
    /// Why the server was last lost or not reached; nil while it is connected.
    public var sourceProblem: String?
    /// The end of the server's WAL, as it said last.
    public var serverEnd = LSN.invalid
    /// Up to where WAL was received of the server.
    public var received = LSN.invalid
    /// How many bytes of WAL were received since the start.
    public var receivedBytes: UInt64 = 0
    /// Up to where WAL is durable on a quorum.
    public var commit = LSN.invalid
    /// How often an election was won.
    public var electionCount = 0
    /// How the proposer stands that is at work; nil in a pause.
    public var proposer: ProposerStatus?
    /// Why the proposer before it came to its end, if there was one.
    public var lastLoss: ProposerError?
}
