public import PostgresWAL
public import ReplicationProtocol

/// What a proposer wants done, in this order.
public enum ProposerAction: Hashable, Sendable {
    /// Connect to the safekeeper, send START_WAL_PUSH with these options, and tell how it went.
    case connect(ProposerConnection, WALPushOptions)
    /// Close the connection; drop what has not been sent. No ``ProposerEvent/disconnected(_:reason:)`` is needed.
    case disconnect(ProposerConnection, ProposerDisconnectReason)
    /// Send a message, after all that was to be sent on this connection before.
    ///
    /// For an append request with WAL the source says where to read it; the bytes are to be read only when they can be
    /// sent. It is nil for all other messages.
    case send(ProposerConnection, ProposerMessage, wal: ProposerWALSource?)
    /// The election is won. WAL is now wanted from ``ProposerElection/start`` on: see
    /// ``ProposerEvent/walAvailable(upTo:)``.
    case elected(ProposerElection)
    /// WAL is durable on a quorum up to here; it never goes back.
    case commitAdvanced(to: LSN)
    /// Send ``ProposerEvent/tick`` at this time; it replaces the time asked for before.
    case setTimer(at: Duration)
    /// The proposer has come to its end; nothing follows.
    ///
    /// The next step is a new proposer, if the error says so: ``ProposerError/mayRestart``.
    case fail(ProposerError)
}

/// An election that was won.
public struct ProposerElection: Hashable, Sendable {
    /// The term.
    public let term: Term
    /// Where the term's own WAL begins.
    public let start: LSN
    /// The history of the WAL, the new term included.
    public let history: TermHistory
    /// The index of the safekeeper whose WAL is continued.
    public let donor: Int
    /// Whether all safekeepers were empty.
    public let isFirst: Bool
}

/// Why a proposer gives up a connection.
public enum ProposerDisconnectReason: Hashable, Sendable, CustomStringConvertible {
    /// Nothing was heard for that long.
    case timeout(Duration)
    /// A message that makes no sense, in words.
    case violation(String)
    /// The safekeeper has to be told the newer membership configuration in a new greeting.
    case outdatedConfiguration(known: Generation, current: Generation)
    /// The safekeeper is not in the membership configuration.
    case notMember(SafekeeperID, Generation)
    /// WAL that it needs could not be read.
    case walUnreadable(String)
    /// The proposer has come to its end.
    case stopped

    /// The reason, in words.
    public var description: String {
        switch self {
        case .timeout(let duration): "nothing heard for \(duration)"
        case .violation(let text): text
        case .outdatedConfiguration(let known, let current):
            "it is in generation \(known) and has to be told of generation \(current)"
        case .notMember(let id, let generation): "safekeeper \(id) is not a member in generation \(generation)"
        case .walUnreadable(let reason): "WAL that it needs could not be read: \(reason)"
        case .stopped: "the proposer has stopped"
        }
    }
}
