public import PostgresWAL

/// Chooses the safekeeper from which a shard gets its WAL, as a state machine.
///
/// There is at most one connection. Candidates are those in a list, and those of which there is news; news that is older
/// than ``ManagerSettings/laggingTimeout`` counts no more. The best one has committed the most; of those of which that is
/// not known, and then only if there is no other, the lowest number comes first.
///
/// Reasons to leave a connection, in this order: nothing was heard of it; another one is far ahead; another one is no
/// worse and stands where we do; another one has WAL for which we have waited. A connection of which nothing is heard is
/// also left when there is no other candidate: then the same safekeeper is connected to anew. (Upstream keeps it.)
///
/// Source: `ingest.md` §1.2 to §1.5, `replication-protocol.md` §6.6.
public struct ConnectionManager: Sendable {
    /// What happens.
    public enum Event: Hashable, Sendable {
        /// The list of safekeepers, in place of the one before.
        case configured([Safekeeper])
        /// News of a safekeeper.
        case news(SafekeeperNews)
        /// What a connection has seen.
        case status(ConnectionStatus, attempt: UInt64)
        /// A connection has ended, for whatever reason.
        case ended(attempt: UInt64)
        /// Time has passed.
        case timer
        /// No more connections.
        case stop
    }

    /// What is to be done.
    public enum Action: Hashable, Sendable {
        /// Connect.
        case connect(Attempt)
        /// End a connection; its end is told as ``Event/ended(attempt:)``.
        case disconnect(attempt: UInt64, SwitchReason?)
        /// Ask for safekeepers that have the timeline: somebody waits for WAL, and nobody is known.
        case discover
    }

    /// A connection that is to be made.
    public struct Attempt: Hashable, Sendable {
        /// Numbers the connections of a manager.
        public let number: UInt64
        /// To whom.
        public let safekeeper: Safekeeper
        /// Why.
        public let reason: SwitchReason
    }

    /// What is known besides what happens.
    public struct Context: Hashable, Sendable {
        /// The time.
        public var now: Moment
        /// The last record that was taken in.
        public var lastRecordLSN: LSN
        /// Whether somebody waits for WAL.
        public var hasWaiters: Bool

        /// Makes a context.
        public init(now: Moment, lastRecordLSN: LSN, hasWaiters: Bool = false) {
            self.now = now
            self.lastRecordLSN = lastRecordLSN
            self.hasWaiters = hasWaiters
        }
    }

    struct Connection: Hashable, Sendable {
        var attempt: Attempt
        var started: Moment
        var status: ConnectionStatus
        /// The newest WAL of others that is not here yet, and when it was first seen.
        var discovered: (lsn: LSN, since: Duration)?

        static func == (lhs: Connection, rhs: Connection) -> Bool {
            lhs.attempt == rhs.attempt && lhs.started == rhs.started && lhs.status == rhs.status
                && lhs.discovered?.lsn == rhs.discovered?.lsn && lhs.discovered?.since == rhs.discovered?.since
        }

        func hash(into hasher: inout Hasher) { hasher.combine(attempt) }
    }

    enum State: Hashable, Sendable {
        case idle
        case connected(Connection)
        /// Told to end; then comes the next one, if it was left for one.
        case leaving(Connection, next: SafekeeperNumber?, SwitchReason?)
        case stopped
    }

    /// The settings.
    public let settings: ManagerSettings
    private(set) var state = State.idle
    private(set) var candidates: [SafekeeperNumber: Candidate] = [:]
    private var attempts: UInt64 = 0
    private var discoveryDue: Duration?
    /// How often a connection was made, by reason.
    public private(set) var switches: [SwitchReason: UInt64] = [:]
    /// Candidates that came, and that went.
    public private(set) var candidateEvents = (added: UInt64(0), removed: UInt64(0))

    /// Makes a manager that knows of no safekeeper.
    public init(settings: ManagerSettings = ManagerSettings()) {
        self.settings = settings
    }

    /// Takes in what has happened; gives what is to be done, in order.
    public mutating func handle(_ event: Event, _ context: Context) -> [Action] {
        if case .stopped = state { return [] }
        switch event {
        case .configured(let list): configure(list)
        case .news(let news): take(news, context.now)
        case .status(let status, let attempt): take(status, attempt)
        case .ended(let attempt):
            if let action = ended(attempt, context) { return [action] }
        case .timer: break
        case .stop: return stop()
        }
        removeOld(context.now)
        return select(context)
    }

    /// The connection's attempt and what it has seen; nil if there is none.
    public var connection: (attempt: Attempt, status: ConnectionStatus)? {
        switch state {
        case .connected(let connection), .leaving(let connection, _, _): (connection.attempt, connection.status)
        case .idle, .stopped: nil
        }
    }
}

// MARK: - What is known

extension ConnectionManager {
    private mutating func configure(_ list: [Safekeeper]) {
        let numbers = Set(list.map(\.number))
        for (number, candidate) in candidates where candidate.isConfigured && !numbers.contains(number) {
            candidates[number]?.isConfigured = false
            if candidate.commitLSN == nil { remove(number) }
        }
        for safekeeper in list {
            if candidates[safekeeper.number] == nil { candidateEvents.added += 1 }
            var candidate =
                candidates[safekeeper.number] ?? Candidate(safekeeper: safekeeper, isConfigured: true)
            candidate.safekeeper = safekeeper
            candidate.isConfigured = true
            candidates[safekeeper.number] = candidate
        }
    }

    private mutating func take(_ news: SafekeeperNews, _ now: Moment) {
        let number = news.safekeeper.number
        if candidates[number] == nil { candidateEvents.added += 1 }
        var candidate = candidates[number] ?? Candidate(safekeeper: news.safekeeper, isConfigured: false)
        candidate.safekeeper = news.safekeeper
        candidate.commitLSN = news.commitLSN
        candidate.updated = now
        candidates[number] = candidate
    }

    private mutating func remove(_ number: SafekeeperNumber) {
        candidates[number] = nil
        candidateEvents.removed += 1
    }

    private mutating func removeOld(_ now: Moment) {
        for (number, candidate) in candidates {
            guard let updated = candidate.updated, now.uptime - updated.uptime >= settings.laggingTimeout else {
                continue
            }
            guard candidate.isConfigured else {
                remove(number)
                continue
            }
            candidates[number]?.commitLSN = nil
            candidates[number]?.updated = nil
        }
    }

    private mutating func take(_ status: ConnectionStatus, _ attempt: UInt64) {
        guard case .connected(var connection) = state, connection.attempt.number == attempt else { return }
        connection.status = status
        state = .connected(connection)
        if status.hasProcessedWAL { candidates[connection.attempt.safekeeper.number]?.retry = nil }
    }

    /// Takes notice of an end; gives the connection that is to follow if it was left for one.
    private mutating func ended(_ attempt: UInt64, _ context: Context) -> Action? {
        let connection: Connection
        var next: (number: SafekeeperNumber, reason: SwitchReason)?
        switch state {
        case .connected(let current): connection = current
        case .leaving(let current, let number, let reason):
            connection = current
            if let number, let reason { next = (number, reason) }
        case .idle, .stopped: return nil
        }
        guard connection.attempt.number == attempt else { return nil }
        state = .idle
        let left = connection.attempt.safekeeper.number
        // What was seen on it may have been seen since the last status.
        candidates[left]?.noteEnd(ofAttemptAt: connection.started.uptime)
        guard let next, let candidate = candidates[next.number] else { return nil }
        guard candidate.isEligible(at: context.now) else { return nil }
        return connect(candidate, next.reason, context.now)
    }

    private mutating func stop() -> [Action] {
        defer { state = .stopped }
        guard case .connected(let connection) = state else { return [] }
        return [.disconnect(attempt: connection.attempt.number, nil)]
    }
}

// MARK: - The choice

extension ConnectionManager {
    private mutating func select(_ context: Context) -> [Action] {
        switch state {
        case .idle:
            if let best = best(excluding: nil, context.now) {
                return [connect(best, .noExistingConnection, context.now)]
            }
            return discover(context)
        case .connected(var connection):
            let number = connection.attempt.safekeeper.number
            let best = best(excluding: number, context.now)
            let reason = reasonToLeave(&connection, for: best, context)
            state = .connected(connection)
            guard let reason else { return [] }
            state = .leaving(connection, next: best?.safekeeper.number ?? number, reason)
            return [.disconnect(attempt: connection.attempt.number, reason)]
        case .leaving, .stopped:
            return []
        }
    }

    /// The candidate to connect to if there has to be one.
    private func best(excluding number: SafekeeperNumber?, _ now: Moment) -> Candidate? {
        candidates.values.filter { $0.safekeeper.number != number && $0.isEligible(at: now) }
            .max { first, second in
                let (left, right) = (first.commitLSN ?? .invalid, second.commitLSN ?? .invalid)
                if left != right { return left < right }
                let (isNear, isOtherNear) = (isNear(first), isNear(second))
                if isNear != isOtherNear { return isOtherNear }
                return first.safekeeper.number > second.safekeeper.number
            }
    }

    private func isNear(_ candidate: Candidate) -> Bool {
        settings.availabilityZone != nil && candidate.safekeeper.availabilityZone == settings.availabilityZone
    }

    /// Why a connection is to be left for a candidate, or for a new one to the same safekeeper if there is none.
    private func reasonToLeave(
        _ connection: inout Connection,
        for best: Candidate?,
        _ context: Context
    ) -> SwitchReason? {
        let status = connection.status
        let now = context.now.uptime
        if now - status.latestConnectionUpdate.uptime > settings.connectTimeout, !status.isPaused {
            return .noKeepAlives
        }
        guard status.isConnected, let best, let bestLSN = best.commitLSN else { return nil }
        if let lag = status.commitLSN.flatMap({ bestLSN.distance(from: $0) }) {
            if lag >= settings.maximumLag { return .laggingWAL }
            if let zone = settings.availabilityZone, best.safekeeper.availabilityZone == zone,
                connection.attempt.safekeeper.availabilityZone != zone
            {
                return .availabilityZone
            }
        }
        let position = status.streamingLSN ?? context.lastRecordLSN
        let commit = status.commitLSN ?? position
        if let discovered = connection.discovered, discovered.lsn <= commit { connection.discovered = nil }
        if connection.discovered == nil, bestLSN > commit { connection.discovered = (bestLSN, now) }
        guard bestLSN > commit, !status.isPaused,
            let since = waitingSince(connection, position: position, commit: commit)
        else { return nil }
        return now - since > settings.laggingTimeout ? .noWALTimeout : nil
    }

    /// Since when WAL is waited for that exists.
    private func waitingSince(_ connection: Connection, position: LSN, commit: LSN) -> Duration? {
        let latest = connection.status.latestWALUpdate.uptime
        if position < commit { return latest }
        return connection.discovered.map { max($0.since, latest) }
    }

    private mutating func connect(_ candidate: Candidate, _ reason: SwitchReason, _ now: Moment) -> Action {
        attempts += 1
        switches[reason, default: 0] += 1
        let attempt = Attempt(number: attempts, safekeeper: candidate.safekeeper, reason: reason)
        state = .connected(Connection(attempt: attempt, started: now, status: ConnectionStatus(at: now)))
        return .connect(attempt)
    }

    /// Asks for safekeepers if somebody waits and none is known, at most once in ``ManagerSettings/laggingTimeout``.
    private mutating func discover(_ context: Context) -> [Action] {
        guard candidates.isEmpty, context.hasWaiters else { return [] }
        if let due = discoveryDue, due > context.now.uptime { return [] }
        discoveryDue = context.now.uptime + settings.laggingTimeout
        return [.discover]
    }
}

// MARK: - Time

extension ConnectionManager {
    /// When time alone may change something, and ``Event/timer`` is due; nil if it can't.
    public func nextDeadline(_ context: Context) -> Duration? {
        if case .stopped = state { return nil }
        let now = context.now.uptime
        // Beyond a limit, not at it, something is done.
        let instant = Duration.milliseconds(1)
        var deadlines = candidates.values.compactMap(\.retry?.due).filter { $0 > now }
        deadlines += candidates.values.compactMap { $0.updated.map { $0.uptime + settings.laggingTimeout } }
        switch state {
        case .idle:
            if candidates.isEmpty, context.hasWaiters, let discoveryDue { deadlines.append(discoveryDue) }
        case .connected(let connection):
            let status = connection.status
            if !status.isPaused {
                deadlines.append(status.latestConnectionUpdate.uptime + settings.connectTimeout + instant)
            }
            let position = status.streamingLSN ?? context.lastRecordLSN
            let commit = status.commitLSN ?? position
            if let since = waitingSince(connection, position: position, commit: commit) {
                deadlines.append(since + settings.laggingTimeout + instant)
            }
        case .leaving, .stopped: break
        }
        return deadlines.filter { $0 > now }.min()
    }
}
