/// What was received since the receiver was made.
public struct ReceiverStatistics: Hashable, Sendable {
    /// Connections that were begun.
    public internal(set) var startedConnections: UInt64 = 0
    /// Connections that have ended.
    public internal(set) var finishedConnections: UInt64 = 0
    /// Connections that have ended with an error.
    public internal(set) var failedConnections: UInt64 = 0
    /// Messages with WAL.
    public internal(set) var messages: UInt64 = 0
    /// Bytes of their payloads, as they came.
    public internal(set) var payloadBytes: UInt64 = 0
    /// Records in messages that the sink has taken in, the repeated ones as well.
    public internal(set) var records: UInt64 = 0
    /// Reports sent.
    public internal(set) var replies: UInt64 = 0
    /// How often the sink was found full.
    public internal(set) var pauses: UInt64 = 0
}

/// What a receiver does, as of a moment ago.
public struct ReceiverStatus: Hashable, Sendable {
    /// The safekeeper that WAL comes from; nil if there is no connection.
    public internal(set) var safekeeper: Safekeeper?
    /// What the connection has seen; nil if there is none.
    public internal(set) var connection: ConnectionStatus?
    /// The words that operators see.
    public internal(set) var text = "Not active"
    /// Whether data or a sender may be damaged; stays once it is set.
    public internal(set) var corruptionDetected = false
    /// Why the last connection that failed has failed.
    public internal(set) var lastError: ReceiverError?
    /// Why there is no connection, in the other side's words or libpq's; nil while there is one, and before the first.
    public internal(set) var connectionProblem: String?
    /// Counters.
    public internal(set) var statistics = ReceiverStatistics()
    /// How often a connection was made, by reason.
    public internal(set) var switches: [SwitchReason: UInt64] = [:]
    /// Safekeepers that became known.
    public internal(set) var candidatesAdded: UInt64 = 0
    /// Safekeepers of which there was no more news.
    public internal(set) var candidatesRemoved: UInt64 = 0
}
