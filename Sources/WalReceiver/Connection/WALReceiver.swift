internal import BlockingExecution
public import Logging
internal import PostgresWAL
internal import ReplicationProtocol
internal import ShardIdentity

/// Receives one shard's WAL from safekeepers into a sink, as long as it runs.
///
/// ```
/// let receiver = WALReceiver(target, safekeepers: list, sink: sink)
/// async let done: Void = receiver.run()
/// …
/// await receiver.stop()
/// ```
///
/// Whatever a safekeeper sends, or doesn't, ends the connection at most; another one follows, from where the sink is.
/// The sink is called on a thread of the receiver's own, where blocking is nobody else's loss.
public actor WALReceiver {
    /// What is received.
    public nonisolated let target: ReceiverTarget
    nonisolated let gate = ReceiverGate()
    nonisolated let sink: any WALSink
    let configuration: ReceiverConfiguration
    let logger: Logger
    private let safekeepers: [Safekeeper]
    private nonisolated let queue: BlockingQueue
    private let hasWaiters: @Sendable () -> Bool
    private let onDiscovery: @Sendable () -> Void
    private var manager: ConnectionManager
    private var connection: Task<Void, Never>?
    private var endedAttempts: [UInt64] = []
    private var isRunning = false
    /// What the connection that there is has seen.
    var connectionStatus: (attempt: UInt64, status: ConnectionStatus)?
    var statistics = ReceiverStatistics()
    var corruptionDetected = false
    var lastError: ReceiverError?
    /// How the last connection has ended, if it did so by itself.
    private var lastLoss: String?

    /// The receiver's own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

    /// Makes a receiver that does nothing yet.
    ///
    /// - Parameters:
    ///   - target: what is received.
    ///   - safekeepers: those that have the timeline, as far as they are known beforehand; see ``announce(_:)``.
    ///   - sink: where WAL goes. It decides where it begins, too.
    ///   - configuration: see there.
    ///   - logger: where to tell what happens.
    ///   - hasWaiters: whether somebody waits for WAL that is not there yet.
    ///   - onDiscovery: called when somebody does, and no safekeeper is known.
    public init(
        _ target: ReceiverTarget,
        safekeepers: [Safekeeper] = [],
        sink: any WALSink,
        configuration: ReceiverConfiguration = ReceiverConfiguration(),
        logger: Logger = Logger(label: "walreceiver"),
        hasWaiters: @escaping @Sendable () -> Bool = { false },
        onDiscovery: @escaping @Sendable () -> Void = {}
    ) {
        self.target = target
        self.safekeepers = safekeepers
        self.sink = sink
        self.configuration = configuration
        self.hasWaiters = hasWaiters
        self.onDiscovery = onDiscovery
        var logger = logger
        logger[metadataKey: "tenant_id"] = "\(target.tenant)"
        logger[metadataKey: "shard_id"] = "\(target.identity.index)"
        logger[metadataKey: "timeline_id"] = "\(target.timeline)"
        self.logger = logger
        queue = BlockingQueue(label: "walreceiver \(target)")
        manager = ConnectionManager(settings: configuration.manager)
    }

    /// What the receiver does; on any thread, and at once.
    public nonisolated var status: ReceiverStatus { gate.status }

    /// Tells news of a safekeeper: from a broker, or from whoever has asked it.
    public nonisolated func announce(_ news: SafekeeperNews) { gate.announce(news) }

    /// Tells that somebody waits for WAL now.
    public nonisolated func wake() { gate.wake() }

    /// Receives until ``stop()`` is called or the task is cancelled.
    ///
    /// Once only.     /// When it returns the sink is not used any more.
    public func run() async {
        precondition(!isRunning, "a receiver runs once")
        isRunning = true
        await withTaskCancellationHandler {
            await serve()
        } onCancel: {
            gate.stop()
        }
    }

    /// Stops, and returns when the sink is not used any more.
    ///
    /// Once this is called no message is given to the sink, but for one that was about to be.
    public func stop() async {
        gate.stop()
        await connection?.value
    }
}

// MARK: - The manager's part

extension WALReceiver {
    private func serve() async {
        perform(.configured(safekeepers))
        while !gate.isStopping {
            await gate.wait(until: manager.nextDeadline(managerContext))
            guard !gate.isStopping else { break }
            if let (attempt, status) = connectionStatus { perform(.status(status, attempt: attempt)) }
            for attempt in endedAttempts { perform(.ended(attempt: attempt)) }
            endedAttempts = []
            for news in gate.takeNews() { perform(.news(news)) }
            perform(.timer)
        }
        perform(.stop)
        await connection?.value
        publish()
    }

    private var managerContext: ConnectionManager.Context {
        ConnectionManager.Context(
            now: .now,
            lastRecordLSN: sink.positions.lastRecord,
            hasWaiters: hasWaiters()
        )
    }

    private func perform(_ event: ConnectionManager.Event) {
        for action in manager.handle(event, managerContext) {
            switch action {
            case .connect(let attempt): connect(attempt)
            case .disconnect(_, let reason):
                if let reason { logger.info("leaving the safekeeper: \(reason.rawValue)") }
                connection?.cancel()
            case .discover:
                onDiscovery()
            }
        }
        publish()
    }

    private func connect(_ attempt: ConnectionManager.Attempt) {
        statistics.startedConnections += 1
        let place = "\(attempt.safekeeper.host):\(attempt.safekeeper.port)"
        logger.info("connecting to safekeeper \(attempt.safekeeper.number) at \(place): \(attempt.reason.rawValue)")
        let task = Task {
            let end = await receive(attempt)
            finish(attempt, end)
        }
        connection = task
        gate.setConnection(task)
    }

    private func finish(_ attempt: ConnectionManager.Attempt, _ end: SessionEnd) {
        statistics.finishedConnections += 1
        switch end {
        case .cancelled: logger.debug("the connection was cancelled")
        case .finished:
            logger.info("the safekeeper has ended the stream")
            lastLoss = "the safekeeper has ended the stream"
        case .caughtUp(let message):
            logger.info("\(message)")
            lastLoss = message
        case .connectionLost(let message):
            logger.info("connection to the safekeeper: \(message)")
            lastLoss = message
        case .failed(let error):
            statistics.failedConnections += 1
            lastError = error
            lastLoss = "\(error)"
            let message: Logger.Message = "wal receiver task finished with an error: \(error)"
            if error.reason.isCorruption { logger.critical(message) } else { logger.error(message) }
        }
        endedAttempts.append(attempt.number)
        gate.setConnection(nil)
        publish()
        gate.wake()
    }

    /// Makes what others see what it is now.
    func publish() {
        var status = ReceiverStatus()
        if let (attempt, connection) = manager.connection {
            status.safekeeper = attempt.safekeeper
            // The manager's own is as old as its last turn.
            let isNewer = connectionStatus?.attempt == attempt.number
            status.connection = isNewer ? connectionStatus?.status : connection
        }
        status.text = manager.statusText
        status.corruptionDetected = corruptionDetected
        status.lastError = lastError
        status.connectionProblem = status.connection?.isConnected == true ? nil : lastLoss
        status.statistics = statistics
        status.switches = manager.switches
        status.candidatesAdded = manager.candidateEvents.added
        status.candidatesRemoved = manager.candidateEvents.removed
        gate.status = status
    }
}
