internal import BlockingExecution
internal import CoreMetrics
internal import Logging
internal import PostgresWAL
internal import ReplicationProtocol
internal import ShardIdentity

/// A timeline in use: the owner of its state, on a thread that may block.
///
/// Who wants something of its state awaits a call here. Who only looks, or waits for WAL, uses ``watch``, which costs
/// the owner nothing. Everybody who uses it at all is inside ``gate`` for that time: see
/// ``withUse(_:)``.
package actor Timeline {
    /// Its name.
    package nonisolated let id: TenantTimelineID
    /// How far it is.
    package nonisolated let watch = TimelineWatch()
    /// Who uses it.
    package nonisolated let gate = TimelineGate()
    /// The proposers that are connected.
    package nonisolated let receivers: WALReceivers
    /// Those who are sent its WAL.
    package nonisolated let streaming: TimelineStreaming
    /// Its folder.
    package nonisolated let folder: TimelineFolder
    nonisolated let settings: TimelineSettings
    nonisolated let time: any TimeSource
    nonisolated let logger: Logger
    nonisolated let metrics: SafekeeperMetrics
    private nonisolated let gauges: TimelineGauges
    private nonisolated let queue: BlockingQueue
    /// Nil before it is opened and after it is closed.
    private(set) var state: TimelineState?
    private var manager: Task<Void, Never>?
    private var shown = TimelineSnapshot()

    package nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

    init(
        _ folder: TimelineFolder,
        settings: TimelineSettings,
        time: any TimeSource,
        logger: Logger,
        metrics: SafekeeperMetrics
    ) {
        id = folder.id
        self.folder = folder
        self.settings = settings
        self.time = time
        self.metrics = metrics
        var logger = logger
        logger[metadataKey: "ttid"] = "\(folder.id)"
        self.logger = logger
        gauges = TimelineGauges(folder.id, factory: metrics.factory)
        receivers = WALReceivers(total: metrics.receivers, ofTimeline: gauges.connectedComputes)
        streaming = TimelineStreaming(
            receivers: receivers,
            fanOut: WALFanOut(
                limits: settings.fanOutLimits,
                time: time,
                logger: logger,
                metrics: metrics.streaming
            ),
            tailCapacity: settings.walTailCapacity,
            metrics: metrics.streaming
        )
        queue = BlockingQueue(label: "timeline \(folder.id)")
    }
}

/// What applies to all timelines of a safekeeper.
package struct TimelineSettings: Sendable {
    /// What their state needs.
    package var state: TimelineState.Settings
    /// How long the control file may be behind.
    package var controlFileSaveInterval = Duration.seconds(300)
    /// How many messages of one proposer may wait for the disk.
    package var queueLimits = MessageQueue.Limits()
    /// The bounds of the queues of those who are sent WAL, and how patient with them to be.
    package var fanOutLimits = FanOutLimits()
    /// The bytes of the last WAL that are kept in memory.
    package var walTailCapacity = WALTail.standardCapacity
    /// Whether WAL that is not in remote storage stays even if everybody has it.
    package var keepsWALUntilOffloaded = true

    package init(state: TimelineState.Settings) {
        self.state = state
    }
}

// MARK: - Life

extension Timeline {
    /// Makes the timeline's folder.
    ///
    /// - Parameter contents: its first control file.
    /// - Throws: ``TimelineError``; the folder is then not in its place, or whole.
    func create(_ contents: ControlFile) throws(TimelineError) {
        let temporary: String
        do throws(StorageError) {
            temporary = try folder.makeTemporary()
        } catch {
            throw .storage(id, error)
        }
        do throws(TimelineError) {
            do throws(TimelineStateError) {
                try TimelineState.create(contents, in: temporary, of: folder.fileSystem, settings: settings.state)
            } catch {
                throw TimelineError(making: id, error)
            }
            try folder.install(temporary)
        } catch {
            folder.discard(temporary)
            throw error
        }
    }

    /// Gives a folder with its files its place.
    func install(_ temporary: String) throws(TimelineError) {
        try folder.install(temporary)
    }

    /// Loads the timeline's state and begins to look after it.
    func open() throws(TimelineError) {
        let state: TimelineState
        do throws(TimelineStateError) {
            state = try TimelineState(
                loading: folder.path,
                of: folder.fileSystem,
                settings: settings.state
            )
        } catch {
            throw TimelineError(making: id, error)
        }
        state.tail = streaming.tail
        self.state = state
        publish()
        let schedule = ControlFileSchedule(
            segmentSize: state.store.segmentSize.bytes,
            saveInterval: settings.controlFileSaveInterval,
            now: time.now
        )
        manager = Task { await manage(schedule) }
        metrics.timelines.increment()
    }

    /// Tells all who use it to stop, and lets nobody in any more.
    nonisolated func cancel() {
        gate.cancel()
        watch.cancel()
    }

    /// Waits until nobody uses the timeline, and closes its files; it was cancelled before.
    func close() async {
        let isSlow = Task {
            do throws(CancellationError) {
                try await time.sleep(until: time.now + .milliseconds(100))
                logger.info("closing timeline: waiting for its users", metadata: ["users": "\(gate.userCount)"])
            } catch {}
        }
        await gate.untilEmpty()
        isSlow.cancel()
        await isSlow.value
        if let manager {
            manager.cancel()
            await manager.value
            metrics.timelines.decrement()
        }
        manager = nil
        state = nil
        gauges.destroy()
    }
}

// MARK: - Use

extension Timeline {
    /// Uses the timeline for as long as a call takes.
    ///
    /// The call's task is cancelled as soon as the timeline is; the timeline's files stay until the call has returned.
    ///
    /// - Throws: ``TimelineError/cancelled(_:)`` if it is being deleted, also where the call throws because of that;
    ///   else what the call throws.
    package nonisolated func withUse<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        guard let pass = gate.enter() else { throw TimelineError.cancelled(id) }
        let result = await withTaskGroup(of: Swift.Result<Result, any Error>?.self) { [gate] group in
            group.addTask {
                do { return .success(try await body()) } catch { return .failure(error) }
            }
            group.addTask {
                _ = await gate.untilCancelled()
                return nil
            }
            // Nil comes first if the timeline or this task is cancelled; the result of the call follows.
            var result: Swift.Result<Result, any Error>?
            while case nil = result, let next = await group.next() {
                result = next
                group.cancelAll()
            }
            return result
        }
        extendLifetime(pass)
        guard let result else { preconditionFailure("a call on timeline \(id) has gone without a result") }
        if case .failure = result, gate.isCancelled { throw TimelineError.cancelled(id) }
        return try result.get()
    }

    /// Does something with the timeline's state, on its thread, and shows others what has become of it.
    ///
    /// - Throws: ``TimelineError/cancelled(_:)`` if it is closed; what the call throws.
    package func withState<Result: Sendable>(
        _ body: (TimelineState) throws -> Result
    ) throws -> Result {
        guard let state else { throw TimelineError.cancelled(id) }
        defer { publish() }
        return try body(state)
    }

    /// The control file, with the values that run ahead of what is on disk.
    package func control() throws(TimelineError) -> ControlFile {
        guard let state else { throw .cancelled(id) }
        return state.control
    }

    /// The commit LSN that others have been shown.
    var shownCommitLSN: LSN { shown.commitLSN }

    /// Shows others how far the timeline is.
    func publish() {
        guard let state else { return }
        let snapshot = TimelineSnapshot(of: state)
        guard snapshot != shown else { return }
        gauges.update(from: shown, to: snapshot)
        shown = snapshot
        watch.publish(snapshot)
    }
}

// MARK: - The manager

extension Timeline {
    /// Stores the control file from time to time; ends when the timeline is cancelled.
    ///
    /// An idle timeline costs nothing: the manager waits until there is something to store.
    private nonisolated func manage(_ schedule: ControlFileSchedule) async {
        var schedule = schedule
        do {
            while true {
                metrics.managerIterations.increment()
                switch schedule.next(unsavedDistance: watch.current.unsavedDistance, now: time.now) {
                case .save:
                    let isSaved = await saveControlFile()
                    if isSaved {
                        schedule.saved(at: time.now)
                        await removeOldWAL(keepsUnsaved: settings.keepsWALUntilOffloaded)
                    }
                    let pause = isSaved ? ControlFileSchedule.refreshInterval : ControlFileSchedule.retryInterval
                    try await time.sleep(until: time.now + pause)
                case .wait(let distance, nil):
                    _ = try await watch.wait(for: .unsaved(by: distance))
                    try await time.sleep(until: time.now + ControlFileSchedule.refreshInterval)
                case .wait(let distance, let deadline?):
                    _ = try await watch.wait(for: .unsaved(by: distance), until: deadline, by: time)
                }
            }
        } catch {
            // The timeline is cancelled.
        }
    }

    private func saveControlFile() -> Bool {
        guard let state, !gate.isCancelled else { return false }
        do throws(ControlFileError) {
            try state.flushControlFile()
        } catch {
            metrics.diskErrors.increment()
            logger.error("can't store the control file", metadata: ["error": "\(error)"])
            return false
        }
        publish()
        return true
    }
}
