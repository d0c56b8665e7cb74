internal import PostgresClient
internal import PostgresWAL
internal import ReplicationProtocol

/// Takes the WAL of an unmodified PostgreSQL server and makes it durable on a quorum of safekeepers.
///
/// ```
/// let push = try WALPush(configuration)
/// try await push.run()  // until the task is cancelled
/// ```
///
/// The server is a source of physical replication like for any standby: it is told that WAL is durable once a quorum of
/// safekeepers has it on disk, so a COMMIT that waits for this standby (`synchronous_standby_names = 'walproposer'`)
/// returns then and not before.
///
/// What mends itself is waited for: a server or safekeepers that are away, a quorum that is not there. An election that is
/// lost to another proposer is followed by another one, after a pause that grows. What does not mend itself is an error
/// that names both sides (``WALPushError``); nothing is ever started over on other data without a word.
///
/// What happens is decided by ``Proposer``; this is the input and output around it. It has a thread of its own, which
/// serves its connections as well: WAL that comes in leaves for the safekeepers without a change of threads, and a
/// COMMIT waits for as few of them as can be.
public actor WALPush {
    /// How one proposer has ended.
    enum Outcome: Sendable {
        case cancelled
        /// The safekeepers are led by somebody else now, or can't be led.
        case lost(ProposerError)
        case failed(WALPushError)
    }

    /// A connection to a safekeeper, also told from those of earlier proposers.
    struct LinkID: Hashable, Sendable {
        let epoch: Int
        let connection: ProposerConnection
    }

    /// What it was made of.
    public nonisolated let configuration: WALPushConfiguration
    nonisolated let source: SourceServer
    nonisolated let safekeepers: [SafekeeperServerAddress]
    nonisolated let loop: ConnectionLoop
    nonisolated let began = ContinuousClock.now
    /// The connections' thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    var identity: SourceServer.Identity?
    var proposer: Proposer?
    var epoch = 0
    var links: [LinkID: MemberLink] = [:]
    var window: WALWindow?
    /// The append request that was put together last: as a rule all safekeepers get the same.
    var lastRequest: (message: ProposerMessage, version: ConsensusProtocolVersion, bytes: [UInt8])?
    /// The connection that WAL comes on, once it does.
    var upstream: PostgresConnection?
    var lastHeard = ContinuousClock.now
    /// The task that waits for room in the window.
    var roomWaiter: CheckedContinuation<Void, Never>?
    var tally = WALPushStatus()

    private var hasStarted = false
    private var events: [ProposerEvent] = []
    private var isHandling = false
    private var follower: Task<Void, Never>?
    private var outcome: Outcome?
    private var waiter: CheckedContinuation<Outcome, Never>?

    /// Pauses between elections that were lost, and how long one has to last to count as a success.
    private static let pauses: [Duration] = [1, 2, 4, 8, 16, 30].map { .seconds($0) }
    private static let successAfter = Duration.seconds(60)

    /// Makes a pusher that waits for ``run()``.
    /// - Throws: ``WALPushError/configuration(_:)``, or ``WALPushError/sourceUnavailable(_:)`` if no thread can be made.
    public init(_ configuration: WALPushConfiguration) throws(WALPushError) {
        // Whatever is wrong with the list is said before anything is done.
        _ = try Self.proposerConfiguration(configuration, nil, start: nil)
        do throws(PostgresClientError) {
            loop = try ConnectionLoop()
        } catch {
            throw .sourceUnavailable(error)
        }
        self.configuration = configuration
        source = SourceServer(connectionString: configuration.source, slot: configuration.slot, loop: loop)
        safekeepers = configuration.safekeepers.map { SafekeeperServerAddress($0.address, configuration) }
    }

    deinit {
        loop.stop()
    }

    /// How it stands.
    public var status: WALPushStatus {
        var status = tally
        status.isSourceConnected = upstream != nil
        status.received = window?.end ?? status.received
        status.proposer = proposer?.status
        return status
    }

    /// Pushes WAL until the task is cancelled, which ends it properly.
    ///
    /// Only once.
    /// - Throws: ``WALPushError``.
    public func run() async throws(WALPushError) {
        precondition(!hasStarted, "a WALPush runs once")
        hasStarted = true
        let start: LSN?
        do {
            start = try await begin()
        } catch {
            if Task.isCancelled { return }
            throw error
        }
        var losses = 0
        while !Task.isCancelled {
            let since = ContinuousClock.now
            switch try await lead(start) {
            case .cancelled:
                return
            case .failed(let error):
                throw error
            case .lost(let error):
                tally.lastLoss = error
                losses = ContinuousClock.now - since > Self.successAfter ? 1 : losses + 1
                try? await Task.sleep(for: Self.pauses[min(losses, Self.pauses.count) - 1])
                try await lookAgain(after: error)
            }
        }
    }

    /// Asks the server who it is, and makes the slot; gives where a timeline may begin that is not there yet.
    private func begin() async throws(WALPushError) -> LSN? {
        do {
            let (connection, found) = try await source.connect()
            identity = found
            tally.serverEnd = found.flush
            guard configuration.creates else { return nil }
            try await source.createSlot(connection)
            connection.close()
        } catch let error as WALPushError {
            throw error
        } catch let error as PostgresClientError {
            throw .sourceUnavailable(error)
        } catch {
            throw .unexpectedAnswer(command: "a connection", answer: "\(error)")
        }
        if let start = configuration.startLSN { return start }
        return try await source.checkpointStart()
    }

    /// Looks the server's end up again, by which the next election is judged; throws if that one can't be won either.
    private func lookAgain(after error: ProposerError) async throws(WALPushError) {
        var needed = LSN.invalid
        if case .serverBehind(let elected, _, _) = error { needed = elected }
        guard error.mayRestart || needed.isValid else { throw .proposer(error) }
        while !Task.isCancelled {
            do {
                let (connection, found) = try await source.connect()
                connection.close()
                try check(found)
                guard found.flush >= needed else { throw WALPushError.proposer(error) }
                tally.sourceProblem = nil
                return
            } catch let error as WALPushError {
                throw error
            } catch {
                tally.sourceProblem = "\(error)"
                try? await Task.sleep(for: Self.pauses[0])
            }
        }
    }

    /// Whether the server is still the one that it was.
    func check(_ found: SourceServer.Identity) throws(WALPushError) {
        guard let identity else { return }
        guard found.systemID == identity.systemID else {
            throw .differentServer(found: found.systemID, expected: identity.systemID)
        }
        guard found.text == identity.text else { throw .changedServer(found: found.text, expected: identity.text) }
        self.identity?.flush = found.flush
    }

    private static func proposerConfiguration(
        _ configuration: WALPushConfiguration,
        _ identity: SourceServer.Identity?,
        start: LSN?
    ) throws(WALPushError) -> ProposerConfiguration {
        do {
            return try ProposerConfiguration(
                safekeepers: configuration.safekeepers,
                generation: configuration.generation,
                greeting: ProposerGreeting(
                    tenant: configuration.tenant,
                    timeline: configuration.timeline,
                    serverVersionNumber: UInt32(identity?.version ?? 0),
                    systemID: identity?.systemID ?? 0,
                    segmentSize: UInt32(identity?.segmentSize.bytes ?? 0)
                ),
                startLSN: start,
                serverFlush: identity?.flush ?? .invalid,
                allowsTimelineCreation: configuration.creates,
                limits: configuration.limits
            )
        } catch {
            throw .configuration(error)
        }
    }

    // MARK: - One proposer

    /// Runs one proposer to its end.
    private func lead(_ start: LSN?) async throws(WALPushError) -> Outcome {
        proposer = Proposer(try Self.proposerConfiguration(configuration, identity, start: start))
        epoch += 1
        outcome = nil
        let ticker = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: configuration.statusInterval)
                keepInTouch()
            }
        }
        handle(.start)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if let outcome { continuation.resume(returning: outcome) } else { waiter = continuation }
            }
        } onCancel: {
            Task { await self.end(.cancelled) }
        }
        ticker.cancel()
        await clear()
        return result
    }

    /// Ends the proposer that is at work; only the first reason counts.
    func end(_ reason: Outcome) {
        guard outcome == nil else { return }
        outcome = reason
        waiter?.resume(returning: reason)
        waiter = nil
    }

    private func clear() async {
        loop.clearAlarm()
        for link in links.values { link.close() }
        links = [:]
        proposer = nil
        follower?.cancel()
        upstream?.close()
        makeRoom()
        await follower?.value
        follower = nil
        tally.received = window?.end ?? tally.received
        window = nil
        lastRequest = nil
    }

    // MARK: - Events and actions

    /// Gives the proposer an event and does what it says.
    ///
    /// What happens while that is done comes after it.
    func handle(_ event: ProposerEvent) {
        events.append(event)
        guard !isHandling else { return }
        isHandling = true
        defer { isHandling = false }
        var next = 0
        while next < events.count {
            let actions = proposer?.handle(events[next], at: ContinuousClock.now - began) ?? []
            next += 1
            for action in actions { perform(action) }
        }
        events.removeAll(keepingCapacity: true)
        trimWindow()
    }

    private func perform(_ action: ProposerAction) {
        switch action {
        case .connect(let connection, let options):
            let id = LinkID(epoch: epoch, connection: connection)
            links[id] = MemberLink()
            links[id]?.task = Task(executorPreference: loop) { await self.serve(id, options) }
        case .disconnect(let connection, _):
            links.removeValue(forKey: LinkID(epoch: epoch, connection: connection))?.close()
        case .send(let connection, let message, let source):
            let id = LinkID(epoch: epoch, connection: connection)
            links[id]?.append(MemberLink.Outgoing(message: message, source: source))
            sendWaiting(id)
        case .elected(let election):
            begin(election)
        case .commitAdvanced(let commit):
            tally.commit = commit
            sendStatus()
        case .setTimer(let time):
            loop.setAlarm(at: began + time) { [weak self] in
                self?.assumeIsolated { $0.handle(.tick) }
            }
        case .fail(let error):
            end(.lost(error))
        }
    }

    private func begin(_ election: ProposerElection) {
        tally.electionCount += 1
        if let expected = configuration.startLSN, let found = election.history.entries.first?.lsn, found != expected {
            return end(.failed(.differentStart(found: found, expected: expected)))
        }
        window = WALWindow(startingAt: election.start, limit: configuration.windowBytes)
        follower = Task(executorPreference: loop) { await self.follow() }
    }
}
