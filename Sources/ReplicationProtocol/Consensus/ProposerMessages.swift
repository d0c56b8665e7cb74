public import PostgresWAL
public import ShardIdentity

/// The first message of a proposer: who it is and what server it writes for.
///
/// Source: `safekeeper-core.md` §1.4.
public struct ProposerGreeting: Hashable, Sendable {
    /// The server versions that may be named, by `server_version_num`; 0 means unknown.
    public static let serverVersionNumbers: ClosedRange<UInt32> = 140_000...179_999

    /// The tenant.
    public var tenant: TenantID
    /// The timeline.
    public var timeline: TimelineID
    /// The proposer's idea of the members; not in protocol 2.
    public var membership: MembershipConfiguration
    /// The server's version number, 0 or in ``serverVersionNumbers``.
    public var serverVersionNumber: UInt32
    /// The server's system identifier; 0 if unknown.
    public var systemID: UInt64
    /// The size of the server's WAL segments in bytes.
    public var segmentSize: UInt32

    /// Makes a greeting.
    public init(
        tenant: TenantID,
        timeline: TimelineID,
        membership: MembershipConfiguration = .none,
        serverVersionNumber: UInt32,
        systemID: UInt64,
        segmentSize: UInt32
    ) {
        self.tenant = tenant
        self.timeline = timeline
        self.membership = membership
        self.serverVersionNumber = serverVersionNumber
        self.systemID = systemID
        self.segmentSize = segmentSize
    }
}

/// A proposer asks for a vote.
///
/// Source: `safekeeper-core.md` §1.4.
public struct VoteRequest: Hashable, Sendable {
    /// The proposer's generation; 0 in protocol 2.
    public var generation: Generation
    /// The term it wants to lead.
    public var term: Term

    /// Makes a request.
    public init(generation: Generation, term: Term) {
        self.generation = generation
        self.term = term
    }
}

/// A proposer has won its term and says what the safekeeper's WAL has to look like.
///
/// Source: `safekeeper-core.md` §1.4.
public struct ProposerElected: Hashable, Sendable {
    /// The proposer's generation; 0 in protocol 2.
    public var generation: Generation
    /// The term won.
    public var term: Term
    /// Where WAL for this safekeeper will begin.
    public var startStreamingAt: LSN
    /// The history of the WAL including this term.
    public var history: TermHistory
    /// Where the timeline begins, for protocol 2 only: its safekeepers before 2025 take it from here.
    ///
    /// Protocol 3 leaves it out; then it is the begin of the history, which is also what is used if not told.
    public var timelineStart: LSN

    /// Makes the announcement.
    public init(
        generation: Generation,
        term: Term,
        startStreamingAt: LSN,
        history: TermHistory,
        timelineStart: LSN? = nil
    ) {
        self.generation = generation
        self.term = term
        self.startStreamingAt = startStreamingAt
        self.history = history
        self.timelineStart = timelineStart ?? history.entries.first?.lsn ?? .invalid
    }
}

/// The fixed part of a message with WAL, or a heartbeat if it has none.
///
/// The WAL itself is not copied: it lies in the message at ``walRange(in:)``. On decoding, `begin` is at most `end` and
/// the WAL at most ``maximumWALSize`` bytes, all there.
/// Source: `safekeeper-core.md` §1.4.
public struct AppendRequest: Hashable, Sendable {
    /// The most WAL in one message, in bytes.
    public static let maximumWALSize = 131_072

    /// The proposer's generation; 0 in protocol 2.
    public var generation: Generation
    /// The proposer's term.
    public var term: Term
    /// Where the WAL begins.
    public var begin: LSN
    /// Where the WAL ends.
    public var end: LSN
    /// How far WAL is committed; `0/0` says nothing about it.
    public var commit: LSN
    /// The lowest position that some safekeeper may still need from the proposer.
    public var truncate: LSN

    /// Makes the fixed part.
    public init(generation: Generation, term: Term, begin: LSN, end: LSN, commit: LSN, truncate: LSN) {
        self.generation = generation
        self.term = term
        self.begin = begin
        self.end = end
        self.commit = commit
        self.truncate = truncate
    }

    /// Whether there is no WAL in it.
    public var isHeartbeat: Bool { begin == end }

    /// The bytes before the WAL.
    public static func headerSize(in version: ConsensusProtocolVersion) -> Int {
        version == .v2 ? 72 : 45
    }

    /// Where the WAL lies in an encoded message, for a decoded request.
    ///
    /// Traps if the end is before the begin.
    public func walRange(in version: ConsensusProtocolVersion) -> Range<Int> {
        let start = Self.headerSize(in: version)
        return start..<(start + Int(end.rawValue - begin.rawValue))
    }
}

/// A message from a proposer.
public enum ProposerMessage: Hashable, Sendable {
    /// The first message.
    case greeting(ProposerGreeting)
    /// Asks for a vote.
    case voteRequest(VoteRequest)
    /// Has won the term.
    case elected(ProposerElected)
    /// WAL or a heartbeat; the WAL stays in the message.
    case append(AppendRequest)
}
