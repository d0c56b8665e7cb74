import PostgresWAL
import ReplicationProtocol

/// What a proposer knows of one safekeeper.
struct Member: Sendable {
    /// How far the conversation has got.
    ///
    /// Any failure leads back to `offline`.
    enum Phase: Sendable {
        /// No connection until then. Next: `connecting`.
        case offline(retryAt: Duration)
        /// The shell is connecting. Next: `greeting`.
        case connecting
        /// The greeting has been sent, with a configuration of this generation. Next: `waiting`.
        case greeting(told: Generation)
        /// It has greeted, and waits for the campaign. Next: `voting`.
        case waiting
        /// It has been asked for its vote. Next: `voted`, or `streaming` once the election is won.
        case voting
        /// It has voted, and waits for the election's end. Next: `streaming`.
        case voted(VoteResponse)
        /// The last phase: it gets WAL.
        case streaming(Stream)
    }

    /// What has been sent to a safekeeper, and what may be.
    struct Stream: Sendable {
        /// Up to where WAL has been sent.
        var position: LSN
        /// Up to where it may be: see ``ProposerLimits/maximumInFlightBytes``.
        var sendLimit: LSN
        /// The requests sent since the last answer.
        var unanswered = 0
        /// The commit position sent last.
        var sentCommit = LSN.invalid
        /// The safekeeper that its WAL was last read from, if any.
        var donor: Int?
    }

    let address: String
    let protocolVersion: ConsensusProtocolVersion
    var phase: Phase
    /// The number of the connection; nil while offline.
    var connection: UInt64?
    /// Its id; nil until it has greeted, and for the invalid id 0.
    var node: SafekeeperID?
    /// The generation it has greeted in.
    var generation = Generation.invalid
    /// The term of ours in which it has given its vote.
    var votedTerm: Term?
    /// How far it has reported WAL of our history as durable, at most what was sent; kept while it is away.
    var flush = LSN.invalid
    /// The commit position it has reported.
    var commit = LSN.invalid
    /// Attempts and connections that failed since it last did something useful.
    var failures = 0
    /// How often others could not be served from it.
    var donorFailures = 0
    /// When it was last heard of on this connection, or the connection was begun.
    var lastHeard = Duration.zero
    /// When something was last sent to it.
    var lastSent = Duration.zero
    /// Why it was last disconnected.
    var problem: String?

    var isWaiting: Bool {
        if case .waiting = phase { true } else { false }
    }

    var vote: VoteResponse? {
        if case .voted(let response) = phase { response } else { nil }
    }

    var stream: Stream? {
        get { if case .streaming(let stream) = phase { stream } else { nil } }
        set { if let newValue { phase = .streaming(newValue) } }
    }

    /// Whether it has greeted on the connection that it has now.
    var hasGreeted: Bool {
        switch phase {
        case .offline, .connecting, .greeting: false
        case .waiting, .voting, .voted, .streaming: true
        }
    }

    /// Whether it owes an answer.
    var isAnswerDue: Bool {
        switch phase {
        case .connecting, .greeting, .voting, .streaming: true
        case .offline, .waiting, .voted: false
        }
    }
}
