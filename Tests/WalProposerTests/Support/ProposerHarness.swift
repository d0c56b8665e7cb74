import PostgresWAL
import ReplicationProtocol
import ShardIdentity
import Testing
import WalProposer

/// A proposer driven by hand: each step is an event, and gives the actions without the timer's.
struct ProposerHarness {
    var proposer: Proposer
    var now = Duration.zero
    /// The connections asked for last, by member.
    var connections: [Int: ProposerConnection] = [:]

    init(_ configuration: ProposerConfiguration) {
        proposer = Proposer(configuration)
    }

    @discardableResult
    mutating func step(_ event: ProposerEvent, after delay: Duration = .zero) -> [ProposerAction] {
        now += delay
        let actions = proposer.handle(event, at: now)
        for case .connect(let connection, _) in actions { connections[connection.member] = connection }
        return actions.filter { if case .setTimer = $0 { false } else { true } }
    }

    @discardableResult
    mutating func receive(_ message: AcceptorMessage, from member: Int) throws -> [ProposerAction] {
        step(.received(try #require(connections[member]), message))
    }

    @discardableResult
    mutating func connect(_ member: Int) throws -> [ProposerAction] {
        step(.connected(try #require(connections[member])))
    }

    @discardableResult
    mutating func disconnect(_ member: Int) throws -> [ProposerAction] {
        step(.disconnected(try #require(connections[member]), reason: "gone"))
    }

    /// Connects and lets the safekeeper greet; ids are the index and 1.
    @discardableResult
    mutating func greet(
        _ member: Int,
        term: UInt64 = 0,
        membership: MembershipConfiguration = .none
    ) throws -> [ProposerAction] {
        try connect(member)
        return try receive(.greeting(member, term: term, membership: membership), from: member)
    }

    /// Brings all of these members to the end of a first election.
    mutating func elect(_ voters: [Int], generation: UInt32 = 0, membership: MembershipConfiguration = .none) throws {
        step(.start)
        for member in voters { try greet(member, membership: membership) }
        for member in voters {
            try receive(.vote(term: proposer.term.rawValue, generation: generation), from: member)
        }
        #expect(proposer.phase == .elected)
    }
}

extension AcceptorMessage {
    static func greeting(
        _ member: Int,
        term: UInt64 = 0,
        membership: MembershipConfiguration = .none
    ) -> AcceptorMessage {
        let node = SafekeeperID(UInt64(member) + 1)
        return .greeting(AcceptorGreeting(node: node, membership: membership, term: Term(term)))
    }

    static func vote(
        term: UInt64,
        given: Bool = true,
        flush: UInt64 = 0,
        truncate: UInt64 = 0,
        history: [(UInt64, UInt64)] = [],
        generation: UInt32 = 0
    ) -> AcceptorMessage {
        .voteResponse(
            VoteResponse(
                generation: Generation(generation),
                term: Term(term),
                voteGiven: given,
                flush: LSN(flush),
                truncate: LSN(truncate),
                history: .of(history)
            )
        )
    }

    static func appended(
        term: UInt64 = 1,
        flush: UInt64,
        commit: UInt64 = 0,
        generation: UInt32 = 0
    ) -> AcceptorMessage {
        .appendResponse(
            AppendResponse(
                generation: Generation(generation),
                term: Term(term),
                flush: LSN(flush),
                commit: LSN(commit)
            )
        )
    }
}

extension TermHistory {
    /// Entries as (term, LSN); they have to be in order.
    static func of(_ entries: [(UInt64, UInt64)]) -> TermHistory {
        var history = TermHistory()
        for (term, lsn) in entries {
            do {
                try history.append(TermLSN(term: Term(term), lsn: LSN(lsn)))
            } catch {
                preconditionFailure("\(error)")
            }
        }
        return history
    }
}

extension ProposerConfiguration {
    static let timelineStart = LSN(0x14E_E150)

    /// A configuration for `count` safekeepers named `sk0:5454` and so on.
    static func test(
        count: Int = 3,
        generation: UInt32 = 0,
        startLSN: LSN? = timelineStart,
        serverFlush: LSN = LSN(0x1000_0000),
        version: ConsensusProtocolVersion = .v3,
        limits: ProposerLimits = ProposerLimits()
    ) throws -> ProposerConfiguration {
        try ProposerConfiguration(
            safekeepers: (0..<count).map { Safekeeper(address: "sk\($0):5454", protocolVersion: version) },
            generation: Generation(generation),
            greeting: ProposerGreeting(
                tenant: TenantID(bits: 0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF),
                timeline: TimelineID(bits: 0xFFEE_DDCC_BBAA_9988_7766_5544_3322_1100),
                serverVersionNumber: 150_010,
                systemID: 0x0123_4567_89AB_CDEF,
                segmentSize: 16 << 20
            ),
            startLSN: startLSN,
            serverFlush: serverFlush,
            limits: limits
        )
    }
}

extension MembershipConfiguration {
    /// A configuration with these ids.
    static func of(_ generation: UInt32, _ members: [UInt64], new: [UInt64]? = nil) throws -> MembershipConfiguration {
        func set(_ ids: [UInt64]) throws -> MemberSet {
            try MemberSet(ids.map { try SafekeeperMember(id: SafekeeperID($0), host: "sk\($0)", port: 5454) })
        }
        return try MembershipConfiguration(
            generation: Generation(generation),
            members: set(members),
            newMembers: new.map(set)
        )
    }
}

extension [ProposerAction] {
    /// The messages among them, with the member they are for.
    var messages: [(member: Int, message: ProposerMessage, wal: ProposerWALSource?)] {
        compactMap {
            if case .send(let connection, let message, let wal) = $0 { (connection.member, message, wal) } else { nil }
        }
    }

    /// The append requests among them, with the member they are for.
    var appends: [(member: Int, request: AppendRequest, wal: ProposerWALSource?)] {
        messages.compactMap { if case .append(let request) = $0.message { ($0.member, request, $0.wal) } else { nil } }
    }

    var failure: ProposerError? {
        compactMap { if case .fail(let error) = $0 { error } else { nil } }.first
    }

    /// The members that are disconnected.
    var disconnected: [Int] {
        compactMap { if case .disconnect(let connection, _) = $0 { connection.member } else { nil } }
    }

    /// The members that are connected to.
    var connecting: [Int] {
        compactMap { if case .connect(let connection, _) = $0 { connection.member } else { nil } }
    }

    var commits: [LSN] {
        compactMap { if case .commitAdvanced(let lsn) = $0 { lsn } else { nil } }
    }
}
