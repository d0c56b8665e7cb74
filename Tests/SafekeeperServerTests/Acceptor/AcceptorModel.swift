import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity

/// An acceptor over storage that is two values: what it asks for is done at once and always works.
struct AcceptorModel {
    static let node = SafekeeperID(1)
    static let start = LSN(0x14E_E150)

    var acceptor = Acceptor(node: node)
    var view: AcceptorView
    /// What was asked for and done, the answer included, since the last message began.
    var actions: [AcceptorAction] = []

    /// A timeline that was made by a greeting: everything zero.
    init() {
        view = AcceptorView(
            control: ControlFileVectors.freshState,
            persistedCommitLSN: .invalid,
            positions: WALPositions(allAt: .invalid)
        )
    }

    /// Processes a message to its end, or to its refusal.
    mutating func take(_ message: ProposerMessage) throws(AcceptorError) {
        acceptor.begin(message)
        try finish(message)
    }

    mutating func flush() throws(AcceptorError) {
        acceptor.beginFlush()
        try finish(nil)
    }

    private mutating func finish(_ message: ProposerMessage?) throws(AcceptorError) {
        actions = []
        while let action = try acceptor.next(view) {
            actions.append(action)
            perform(action, for: message)
        }
    }

    private mutating func perform(_ action: AcceptorAction, for message: ProposerMessage?) {
        switch action {
        case .flush:
            view.positions = WALPositions(allAt: view.positions.writeLSN)
        case .persist(let control):
            view.control = control
            view.persistedCommitLSN = control.commitLSN
        case .truncate(let end):
            view.positions = WALPositions(allAt: end)
        case .write:
            guard case .append(let request)? = message else { return }
            view.positions.writeLSN = request.end
            view.positions.writeRecordLSN = request.end
        case .advance(let commit, let peerHorizon):
            view.control.commitLSN = commit
            view.control.peerHorizonLSN = peerHorizon
        case .adoptSystemIdentifier, .initializeFirstSegment, .reply:
            break
        }
    }

    /// Forgets what is in memory only, as a restart does.
    mutating func restart() {
        acceptor = Acceptor(node: Self.node)
        view.control.commitLSN = view.persistedCommitLSN
        view.positions = WALPositions(allAt: view.positions.flushRecordLSN)
    }

    /// The answer to the last message.
    var answer: AcceptorMessage? {
        guard case .reply(let message)? = actions.last else { return nil }
        return message
    }
}

/// Messages, with what most tests don't care about filled in.
enum Message {
    static func greeting(
        membership: MembershipConfiguration = .none,
        version: UInt32 = 150_010,
        systemID: UInt64 = 0x0123_4567_89AB_CDEF,
        segmentSize: UInt32 = 16 << 20
    ) -> ProposerMessage {
        .greeting(
            ProposerGreeting(
                tenant: ControlFileVectors.freshState.tenantID,
                timeline: ControlFileVectors.freshState.timelineID,
                membership: membership,
                serverVersionNumber: version,
                systemID: systemID,
                segmentSize: segmentSize
            )
        )
    }

    static func vote(_ term: UInt64, generation: UInt32 = 0) -> ProposerMessage {
        .voteRequest(VoteRequest(generation: Generation(generation), term: Term(term)))
    }

    static func elected(
        _ term: UInt64,
        start: LSN,
        history: [(UInt64, LSN)],
        generation: UInt32 = 0
    ) throws -> ProposerMessage {
        .elected(
            ProposerElected(
                generation: Generation(generation),
                term: Term(term),
                startStreamingAt: start,
                history: try TermHistory(history.map { TermLSN(term: Term($0.0), lsn: $0.1) })
            )
        )
    }

    static func append(
        _ term: UInt64,
        _ begin: LSN,
        bytes: UInt64 = 0,
        commit: LSN = .invalid,
        truncate: LSN = .invalid,
        generation: UInt32 = 0
    ) -> ProposerMessage {
        .append(
            AppendRequest(
                generation: Generation(generation),
                term: Term(term),
                begin: begin,
                end: begin + bytes,
                commit: commit,
                truncate: truncate
            )
        )
    }

    static func membership(
        _ generation: UInt32,
        _ ids: [UInt64],
        new: [UInt64]? = nil
    ) throws -> MembershipConfiguration {
        func set(_ ids: [UInt64]) throws -> MemberSet {
            try MemberSet(ids.map { try SafekeeperMember(id: SafekeeperID($0), host: "sk-\($0)", port: 5454) })
        }
        return try MembershipConfiguration(
            generation: Generation(generation),
            members: set(ids),
            newMembers: new.map(set)
        )
    }
}
