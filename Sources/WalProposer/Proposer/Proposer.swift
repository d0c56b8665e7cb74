public import PostgresWAL
public import ReplicationProtocol

/// A proposer: makes one server's WAL durable on a quorum of safekeepers.
///
/// It is a state machine without sockets, clocks or files: events go in, actions come out, and the same events give the
/// same actions. Times are durations since any fixed moment of the caller's.
///
/// ```
/// collectingTerms ── greetings of a quorum ──▶ campaigning ── votes of a quorum ──▶ elected
///       any of them ── ProposerError ──▶ stopped
/// ```
///
/// The way never leads back: what is lost is lost for this proposer, and a new one holds a new election in a higher
/// term. Nothing is kept between proposers. Without a quorum it stays where it is and goes on trying to connect.
///
/// A quorum is a majority of each set of the safekeepers' membership configuration, or of the list while nobody knows of
/// one. A safekeeper counts once, whatever it is listed as.
///
/// What upstream does otherwise: the greeting carries the configuration once it is known, so that safekeepers which
/// missed it learn it; WAL in flight is bounded (``ProposerLimits``); greetings are counted by safekeeper and not by
/// connection.
///
/// Source: `safekeeper-core.md` §1.9 to §1.11.
public struct Proposer: Sendable {
    /// How far the election has got.
    public enum Phase: Hashable, Sendable {
        /// Greetings of a quorum are awaited.
        case collectingTerms
        /// Votes of a quorum are awaited.
        case campaigning
        /// WAL is being streamed.
        case elected
        /// All is over.
        case stopped(ProposerError)
    }

    /// What it was made of.
    public let configuration: ProposerConfiguration
    /// How far the election has got.
    public internal(set) var phase = Phase.collectingTerms
    /// The term it campaigns for or has won; before the campaign the highest one seen.
    public internal(set) var term = Term.initial
    /// The members' configuration as far as known; `MembershipConfiguration.none` while nobody knows of one.
    public internal(set) var membership = MembershipConfiguration.none
    /// The election once it is won.
    public internal(set) var election: ProposerElection?
    /// Up to where WAL can be sent.
    public internal(set) var available = LSN.invalid
    /// Up to where WAL is durable on a quorum.
    public internal(set) var commit = LSN.invalid
    /// The lowest position that some safekeeper may still need.
    public internal(set) var truncate = LSN.invalid

    var members: [Member]
    /// The server has no WAL before this position.
    var serverWALStart = LSN.invalid
    var now = Duration.zero
    var actions: [ProposerAction] = []
    private var hasStarted = false
    private var timer: Duration?
    /// When safekeepers are told of the commit position without WAL; nil if it need not wait, or all have been told.
    var commitNoticeAt: Duration?
    private var connectionsMade: UInt64 = 0

    /// Makes a proposer that waits for ``ProposerEvent/start``.
    public init(_ configuration: ProposerConfiguration) {
        self.configuration = configuration
        members = configuration.safekeepers.map {
            Member(address: $0.address, protocolVersion: $0.protocolVersion, phase: .offline(retryAt: .zero))
        }
    }

    /// Takes an event and gives what is to be done; times that lie before an earlier one are taken as that.
    ///
    /// After ``ProposerAction/fail(_:)`` nothing is done any more.
    public mutating func handle(_ event: ProposerEvent, at time: Duration) -> [ProposerAction] {
        if case .stopped = phase { return [] }
        now = max(now, time)
        do {
            try process(event)
            armTimer()
        } catch {
            stop(error)
        }
        defer { actions = [] }
        return actions
    }

    private mutating func process(_ event: ProposerEvent) throws(ProposerError) {
        switch event {
        case .start:
            guard !hasStarted else { return }
            hasStarted = true
            for member in members.indices { connect(member) }
        case .connected(let connection):
            guard isCurrent(connection) else { return }
            connected(connection.member)
        case .disconnected(let connection, let reason):
            guard isCurrent(connection) else { return }
            goOffline(connection.member, reason)
        case .received(let connection, let message):
            guard isCurrent(connection) else { return }
            try received(message, from: connection.member)
        case .walAvailable(let end):
            guard phase == .elected, end > available else { return }
            available = end
            for member in members.indices { sendWAL(to: member) }
        case .walRemoved(let start):
            serverWALStart = max(serverWALStart, start)
        case .walUnreadable(let connection, let source, let reason):
            guard isCurrent(connection) else { return }
            if case .donor(let donor) = source, members.indices.contains(donor) { members[donor].donorFailures += 1 }
            disconnect(connection.member, .walUnreadable(reason))
        case .tick:
            timer = nil
            guard hasStarted else { return }
            if let notice = commitNoticeAt, notice <= now { sendCommitNotices() }
            for member in members.indices { passTime(of: member) }
        }
    }

    private mutating func received(_ message: AcceptorMessage, from member: Int) throws(ProposerError) {
        members[member].lastHeard = now
        switch (message, members[member].phase) {
        case (.greeting(let greeting), .greeting(let told)):
            try received(greeting, told: told, from: member)
        case (.voteResponse(let response), .voting):
            try received(response, from: member)
        case (.appendResponse(let response), .streaming):
            try received(response, from: member)
        default:
            disconnect(member, .violation("unexpected message: \(message)"))
        }
    }

    private mutating func stop(_ error: ProposerError) {
        for member in members.indices { disconnect(member, .stopped) }
        phase = .stopped(error)
        actions.append(.fail(error))
    }

    // MARK: - Quorum

    /// Whether a quorum of safekeepers agrees.
    func hasQuorum(_ agrees: (Member) -> Bool) -> Bool {
        guard usesMembership else {
            return members.count(where: agrees) >= members.count / 2 + 1
        }
        return membership.hasQuorum { id in
            members.contains { $0.node == id && agrees($0) }
        }
    }

    /// The greatest position that a quorum of safekeepers has reached; nil if there is no quorum to speak of.
    func quorumPosition(_ position: (Member) -> LSN) -> LSN? {
        guard usesMembership else {
            let majority = members.count / 2 + 1
            return members.map(position).sorted()[members.count - majority]
        }
        return membership.quorumValue { id in
            members.first { $0.node == id }.map(position) ?? .invalid
        }
    }

    /// Whether the safekeepers' own configuration says who counts.
    var usesMembership: Bool { configuration.generation.isValid || membership.generation.isValid }

    /// Whether a safekeeper's WAL and votes count.
    func counts(_ member: Member) -> Bool {
        guard usesMembership else { return true }
        return member.node.map(membership.contains) ?? false
    }

    // MARK: - Connections

    /// Whether it is the connection that the member has now.
    private func isCurrent(_ connection: ProposerConnection) -> Bool {
        members.indices.contains(connection.member) && members[connection.member].connection == connection.number
    }

    func connectionOf(_ member: Int) -> ProposerConnection {
        guard let number = members[member].connection else { preconditionFailure("no connection to \(member)") }
        return ProposerConnection(member: member, number: number)
    }

    mutating func connect(_ member: Int) {
        connectionsMade += 1
        members[member].connection = connectionsMade
        members[member].phase = .connecting
        members[member].lastHeard = now
        let options = WALPushOptions(
            protocolNumber: members[member].protocolVersion.rawValue,
            allowsTimelineCreation: configuration.allowsTimelineCreation && !configuration.generation.isValid
        )
        actions.append(.connect(connectionOf(member), options))
    }

    private mutating func connected(_ member: Int) {
        guard case .connecting = members[member].phase else { return }
        members[member].lastHeard = now
        var greeting = configuration.greeting
        greeting.membership = members[member].protocolVersion == .v3 ? membership : .none
        members[member].phase = .greeting(told: greeting.membership.generation)
        send(.greeting(greeting), to: member)
    }

    /// Gives up a connection, if there is one, and tries again later.
    mutating func disconnect(_ member: Int, _ reason: ProposerDisconnectReason) {
        guard members[member].connection != nil else { return }
        actions.append(.disconnect(connectionOf(member), reason))
        goOffline(member, reason.description)
    }

    private mutating func goOffline(_ member: Int, _ reason: String) {
        members[member].connection = nil
        members[member].problem = reason
        let limits = configuration.limits
        let factor = 1 << min(members[member].failures, 20)
        members[member].failures += 1
        let delay = min(limits.firstReconnectDelay * factor, limits.longestReconnectDelay)
        members[member].phase = .offline(retryAt: now + delay)
    }

    mutating func send(_ message: ProposerMessage, to member: Int, wal: ProposerWALSource? = nil) {
        members[member].lastSent = now
        actions.append(.send(connectionOf(member), message, wal: wal))
    }

    // MARK: - Time

    private mutating func passTime(of member: Int) {
        let limits = configuration.limits
        if case .offline(let retryAt) = members[member].phase {
            if retryAt <= now { connect(member) }
        } else if members[member].isAnswerDue, now - members[member].lastHeard >= limits.connectionTimeout {
            // A donor that keeps others waiting is not the first to be asked again.
            if let donor = members[member].stream?.donor { members[donor].donorFailures += 1 }
            disconnect(member, .timeout(limits.connectionTimeout))
        } else if mayRequest(of: members[member]), now - members[member].lastSent >= limits.heartbeatInterval {
            sendWAL(to: member, atLeastOne: true)
        }
    }

    /// When something has to be done for a member unless it does something itself; nil if never.
    private func deadline(of member: Member) -> Duration? {
        if case .offline(let retryAt) = member.phase { return retryAt }
        guard member.isAnswerDue else { return nil }
        let timeout = member.lastHeard + configuration.limits.connectionTimeout
        guard mayRequest(of: member) else { return timeout }
        return min(timeout, member.lastSent + configuration.limits.heartbeatInterval)
    }

    /// Asks for a timer unless one is running that is early enough: one that is too early does no harm.
    private mutating func armTimer() {
        guard hasStarted, let next = (members.map(deadline) + [commitNoticeAt]).compactMap(\.self).min() else { return }
        if let timer, timer <= next { return }
        timer = next
        actions.append(.setTimer(at: next))
    }
}
