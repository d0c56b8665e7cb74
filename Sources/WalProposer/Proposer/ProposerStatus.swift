public import PostgresWAL
public import ReplicationProtocol

/// How a proposer stands, for those who watch it.
public struct ProposerStatus: Hashable, Sendable {
    /// How a safekeeper stands.
    public struct Member: Hashable, Sendable {
        /// How far the conversation has got.
        public enum Phase: String, Hashable, Sendable {
            case offline, connecting, greeting, waiting, voting, voted, streaming
        }

        /// Its address as listed.
        public var address: String
        /// Its id, once it has greeted.
        public var node: SafekeeperID?
        /// How far the conversation has got.
        public var phase: Phase
        /// Up to where WAL has been sent on this connection; nil unless it is streaming.
        public var sent: LSN?
        /// Up to where it has reported WAL as durable.
        public var flush: LSN
        /// Why it was last disconnected, if it was.
        public var problem: String?
    }

    /// How far the election has got.
    public var phase: Proposer.Phase
    /// The term.
    public var term: Term
    /// The members' generation.
    public var generation: Generation
    /// Up to where WAL can be sent.
    public var available: LSN
    /// Up to where WAL is durable on a quorum.
    public var commit: LSN
    /// The lowest position that some safekeeper may still need.
    public var truncate: LSN
    /// Whether a quorum of safekeepers is being streamed to.
    public var hasQuorum: Bool
    /// The safekeepers in the order listed.
    public var members: [Member]
}

extension Proposer {
    /// Up to where WAL has been sent to a quorum of safekeepers that are streamed to; `LSN.invalid` without one.
    public var sentToQuorum: LSN { quorumPosition { $0.stream?.position ?? .invalid } ?? .invalid }

    /// How it stands.
    public var status: ProposerStatus {
        ProposerStatus(
            phase: phase,
            term: term,
            generation: membership.generation,
            available: available,
            commit: commit,
            truncate: truncate,
            hasQuorum: hasQuorum { $0.stream != nil },
            members: members.map { member in
                ProposerStatus.Member(
                    address: member.address,
                    node: member.node,
                    phase: member.phase.name,
                    sent: member.stream?.position,
                    flush: member.flush,
                    problem: member.problem
                )
            }
        )
    }
}

extension Member.Phase {
    fileprivate var name: ProposerStatus.Member.Phase {
        switch self {
        case .offline: .offline
        case .connecting: .connecting
        case .greeting: .greeting
        case .waiting: .waiting
        case .voting: .voting
        case .voted: .voted
        case .streaming: .streaming
        }
    }
}
