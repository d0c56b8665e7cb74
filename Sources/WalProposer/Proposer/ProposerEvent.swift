public import PostgresWAL
public import ReplicationProtocol

/// One connection to one safekeeper; a number is never used again by the same proposer.
///
/// What arrives late from a connection that has been given up is told by its number and ignored.
public struct ProposerConnection: Hashable, Sendable, CustomStringConvertible {
    /// The safekeeper's index in ``ProposerConfiguration/safekeepers``.
    public let member: Int
    /// The number of the connection among all that the proposer asked for.
    public let number: UInt64

    /// Names a connection.
    public init(member: Int, number: UInt64) {
        self.member = member
        self.number = number
    }

    /// Member and number as `#member.number`.
    public var description: String { "#\(member).\(number)" }
}

/// Where the WAL for a safekeeper is to be read.
public enum ProposerWALSource: Hashable, Sendable {
    /// The PostgreSQL server, or what has been received of it.
    case server
    /// Another safekeeper, by its index: START_REPLICATION with the proposer's term.
    case donor(Int)
}

/// What can happen to a proposer.
public enum ProposerEvent: Hashable, Sendable {
    /// Work begins: connections are made. Only the first one counts.
    case start
    /// The safekeeper has answered START_WAL_PUSH with CopyBothResponse.
    case connected(ProposerConnection)
    /// A connection could not be made or has ended, with the reason.
    case disconnected(ProposerConnection, reason: String)
    /// A message has come in.
    case received(ProposerConnection, AcceptorMessage)
    /// All of the server's WAL from the begin of the term up to here can be read now.
    case walAvailable(upTo: LSN)
    /// The server does not have WAL before this position any more: it has to come from other safekeepers.
    case walRemoved(before: LSN)
    /// WAL of a request to this safekeeper could not be read; nothing from that request on has been sent.
    case walUnreadable(ProposerConnection, source: ProposerWALSource, reason: String)
    /// Time has passed.
    case tick
}
