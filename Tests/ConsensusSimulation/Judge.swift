import PostgresWAL
import ReplicationProtocol
import SafekeeperServer

/// All WAL that any leader has written, by term; what was committed; and whether that can be.
struct Judge {
    /// Where the timeline begins.
    let start: LSN
    /// The log of each leader, from the timeline's start on.
    private(set) var logs: [Term: [UInt8]] = [:]
    private var elections: [Term: LSN] = [:]
    /// How far each term has committed.
    private var commits: [Term: LSN] = [:]
    /// The WAL that is committed, whoever did it.
    private(set) var committed: [UInt8] = []

    init(start: LSN) {
        self.start = start
    }

    var committedLSN: LSN { start + UInt64(committed.count) }
    var electionCount: Int { elections.count }

    /// A proposer says that it has won: nobody else may have in its term, and its WAL holds what earlier ones committed.
    ///
    /// It continues the WAL of the leader of term `previous`, if there was one.
    mutating func elected(_ term: Term, at position: LSN, continuing previous: Term?) throws {
        try require(elections[term] == nil, "term \(term) has two leaders")
        let whole = previous.flatMap { logs[$0] } ?? []
        let length = Int(position.rawValue - start.rawValue)
        try require(
            whole.count >= length,
            "the leader of term \(term) begins at \(position), but term \(previous ?? .initial) has not got that far"
        )
        let log = Array(whole.prefix(length))
        elections[term] = position
        logs[term] = log
        for (earlier, end) in commits where earlier < term {
            try require(
                end <= position,
                "the leader of term \(term) begins at \(position), but term \(earlier) has committed up to \(end)"
            )
        }
        let earlier = commits.filter { $0.key < term }.values.max() ?? start
        let count = Int(earlier.rawValue - start.rawValue)
        try require(
            log.prefix(count).elementsEqual(committed.prefix(count)),
            "the leader of term \(term) has other WAL than was committed"
        )
    }

    /// A leader has written more.
    mutating func written(_ term: Term, _ bytes: [UInt8]) {
        logs[term, default: []] += bytes
    }

    /// A leader says that WAL is committed: it is never to change, and a quorum has it.
    mutating func committed(
        _ term: Term,
        upTo end: LSN,
        membership: MembershipConfiguration,
        hasDurably: (SafekeeperID) -> LSN
    ) throws {
        for (later, position) in elections where later > term {
            try require(
                end <= position,
                "term \(term) commits up to \(end), but the leader of term \(later) has begun at \(position)"
            )
        }
        let count = Int(end.rawValue - start.rawValue)
        guard let log = logs[term], log.count >= count else {
            throw Violation("term \(term) commits up to \(end), which it has not written")
        }
        let known = min(count, committed.count)
        let verified = Int((commits[term] ?? elections[term] ?? start).rawValue - start.rawValue)
        try require(
            log[min(verified, known)..<known].elementsEqual(committed[min(verified, known)..<known]),
            "term \(term) commits other WAL than was committed before"
        )
        if count > committed.count { committed += log[committed.count..<count] }
        commits[term] = max(commits[term] ?? start, end)
        try require(
            membership.hasQuorum { hasDurably($0) >= end },
            "term \(term) commits up to \(end), which no quorum of \(membership) has on disk"
        )
    }

    /// A node's WAL must be that of the leader of its last term.
    func check(_ node: SimulatedNode) throws {
        guard let state = node.state, state.flushLSN > start, state.positions.flushRecordLSN.isValid else { return }
        let local = max(state.persisted.localStartLSN, start)
        guard state.flushLSN > local else { return }
        let end = state.flushLSN
        let found = try node.wal(from: local, to: end)
        let range = Int(local.rawValue - start.rawValue)..<Int(end.rawValue - start.rawValue)
        guard let log = logs[state.lastLogTerm], log.count >= range.upperBound else {
            throw Violation(
                "node \(node.id) has WAL up to \(end) of term \(state.lastLogTerm), which was never written"
            )
        }
        if let place = zip(log[range], found).enumerated().first(where: { $0.element.0 != $0.element.1 })?.offset {
            throw Violation(
                "node \(node.id): its WAL up to \(end) is not that of the leader of term \(state.lastLogTerm), "
                    + "from \(local + UInt64(place)) on; history \(state.persisted.termHistory)"
            )
        }
        try require(
            state.commitLSN <= committedLSN,
            "node \(node.id) takes WAL up to \(state.commitLSN) for committed, which it isn't"
        )
    }
}
