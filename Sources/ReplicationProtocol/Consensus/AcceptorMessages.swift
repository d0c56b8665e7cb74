public import PostgresWAL

/// A safekeeper's answer to the greeting.
///
/// Source: `safekeeper-core.md` §1.5.
public struct AcceptorGreeting: Hashable, Sendable {
    /// Which safekeeper it is.
    public var node: SafekeeperID
    /// The members it knows of; not in protocol 2.
    public var membership: MembershipConfiguration
    /// The highest term it has voted in.
    public var term: Term

    /// Makes the answer.
    public init(node: SafekeeperID, membership: MembershipConfiguration = .none, term: Term) {
        self.node = node
        self.membership = membership
        self.term = term
    }
}

/// A safekeeper's answer to a request for its vote.
///
/// Source: `safekeeper-core.md` §1.5.
public struct VoteResponse: Hashable, Sendable {
    /// The safekeeper's generation; 0 in protocol 2.
    public var generation: Generation
    /// The safekeeper's term, after the vote.
    public var term: Term
    /// Whether the vote is given.
    public var voteGiven: Bool
    /// The end of the last record durably on disk.
    public var flush: LSN
    /// The lowest position that some safekeeper may still need.
    public var truncate: LSN
    /// The history of the WAL up to `flush`.
    public var history: TermHistory
    /// Where the timeline begins, in protocol 2 only; newer safekeepers write `0/0`.
    public var timelineStart: LSN

    /// Makes the answer.
    public init(
        generation: Generation,
        term: Term,
        voteGiven: Bool,
        flush: LSN,
        truncate: LSN,
        history: TermHistory,
        timelineStart: LSN = .invalid
    ) {
        self.generation = generation
        self.term = term
        self.voteGiven = voteGiven
        self.flush = flush
        self.truncate = truncate
        self.history = history
        self.timelineStart = timelineStart
    }
}

/// What hot standbys of a timeline still need, aggregated; xids with their epoch, 0 for none.
public struct StandbyHorizons: Hashable, Sendable {
    /// When it was told.
    public var time: PostgresTimestamp
    /// The oldest transaction that rows are kept for.
    public var xmin: UInt64
    /// The oldest transaction that catalogue rows are kept for.
    public var catalogXmin: UInt64

    /// Makes the horizons; by default nobody needs anything.
    public init(time: PostgresTimestamp = .epoch, xmin: UInt64 = 0, catalogXmin: UInt64 = 0) {
        self.time = time
        self.xmin = xmin
        self.catalogXmin = catalogXmin
    }
}

/// How far a safekeeper has got.
///
/// Source: `safekeeper-core.md` §1.5.
public struct AppendResponse: Hashable, Sendable {
    /// The safekeeper's generation; 0 in protocol 2.
    public var generation: Generation
    /// The safekeeper's term; above the proposer's it tells that another one has been elected.
    public var term: Term
    /// The end of the last record durably on disk.
    public var flush: LSN
    /// The commit position that is durably on disk, not the one in memory.
    public var commit: LSN
    /// What hot standbys need.
    public var standby: StandbyHorizons
    /// What a pageserver has told, if one has since the last response.
    public var pageserver: PageserverFeedback?

    /// Makes the answer.
    public init(
        generation: Generation,
        term: Term,
        flush: LSN,
        commit: LSN,
        standby: StandbyHorizons = StandbyHorizons(),
        pageserver: PageserverFeedback? = nil
    ) {
        self.generation = generation
        self.term = term
        self.flush = flush
        self.commit = commit
        self.standby = standby
        self.pageserver = pageserver
    }

    /// The answer to a request of an older term: nothing but the term.
    public static func termOnly(generation: Generation, term: Term) -> AppendResponse {
        AppendResponse(generation: generation, term: term, flush: .invalid, commit: .invalid)
    }
}

/// A message from a safekeeper.
public enum AcceptorMessage: Hashable, Sendable {
    /// The answer to the greeting.
    case greeting(AcceptorGreeting)
    /// The answer to a request for a vote.
    case voteResponse(VoteResponse)
    /// The answer to WAL.
    case appendResponse(AppendResponse)
}
