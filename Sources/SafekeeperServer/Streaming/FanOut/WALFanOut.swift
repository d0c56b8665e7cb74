internal import BlockingExecution
internal import CoreMetrics
internal import Logging
internal import NIOCore
package import PostgresWAL
package import ShardIdentity

/// Reads a timeline's WAL, interprets it and gives each sender what its shard needs: does what ``FanOut`` decides.
///
/// Decoding and interpreting happen here, on a thread of the timeline's own, one chunk after the other. Each reader has a
/// task that waits for WAL and reads it, from memory or from files, on other threads. Compressing is for the senders'
/// tasks. So a message is on its way while the next chunk is interpreted, and several are compressed at a time.
package actor WALFanOut {
    /// A reader at work.
    private final class Reader {
        var interpretation: ShardedInterpretation?
        var task: Task<Void, Never>?
        /// What it is to read next; nil if nothing.
        var request: ReadRequest?
        /// Resolved once there is a request; the reader waits for one.
        var waiting: Promise<Void>?
    }

    /// WAL that a reader is to get.
    struct ReadRequest: Sendable {
        var from: LSN
        var limit: LSN?
        /// The most bytes.
        var size: Int
    }

    private nonisolated let queue: BlockingQueue
    private nonisolated let extent: WALExtent
    private nonisolated let time: any TimeSource
    private nonisolated let logger: Logger
    private nonisolated let metrics: StreamingMetrics
    private let limits: FanOutLimits
    /// Made with the first sender, when the segment size is known.
    private var fanOut: FanOut?
    private var readers: [ReaderID: Reader] = [:]
    private var queues: [SenderID: ShardQueue] = [:]
    private var ticker: Task<Void, Never>?
    /// Why the reader that is being dealt with fails.
    private var failure: ShardStreamError?
    /// Bytes of WAL that were decoded, by all readers.
    package private(set) var decodedBytes: UInt64 = 0

    package nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

    init(
        extent: WALExtent = .committed,
        limits: FanOutLimits = FanOutLimits(),
        time: any TimeSource,
        logger: Logger,
        metrics: StreamingMetrics
    ) {
        self.extent = extent
        self.limits = limits
        self.time = time
        self.logger = logger
        self.metrics = metrics
        queue = BlockingQueue(label: "WAL fan-out")
    }

    /// How many readers there are.
    package var readerCount: Int { fanOut?.readerCount ?? 0 }

    /// How many senders there are.
    package var senderCount: Int { fanOut?.senderCount ?? 0 }

    /// The first position that some reader still has to read; nil if there is none.
    package var oldestPosition: LSN? { fanOut?.oldestPosition }

    /// How a sender stands.
    package func status(of sender: SenderID) -> FanOut.SenderStatus? { fanOut?.status(of: sender) }
}

// MARK: - Senders

extension WALFanOut {
    /// Lets a sender in.
    ///
    /// - Parameters:
    ///   - shard: its shard.
    ///   - start: where its WAL begins.
    ///   - timeline: the timeline, which the sender uses until it has left.
    /// - Returns: the sender's name, and the queue that it is to empty.
    /// - Throws: ``FanOutError``, or what `Timeline` throws when it is closed.
    package func attach(
        _ shard: ShardIdentity,
        at start: LSN,
        of timeline: Timeline
    ) async throws -> (SenderID, ShardQueue) {
        if fanOut == nil {
            let segmentSize = try await timeline.withState { $0.store.segmentSize }
            if fanOut == nil { fanOut = FanOut(limits: limits, segmentSize: segmentSize) }
        }
        guard let (id, actions) = try fanOut?.attach(shard, at: start, now: time.now) else {
            preconditionFailure("a fan-out has gone")
        }
        let queue = ShardQueue(limits)
        queues[id] = queue
        perform(actions, timeline)
        return (id, queue)
    }

    /// Lets a sender go.
    package func detach(_ id: SenderID, of timeline: Timeline) {
        queues.removeValue(forKey: id)?.close(nil)
        perform(fanOut?.detach(id, now: time.now) ?? [], timeline)
    }

    /// Looks at what has left the queues.
    func takeDepartures(of timeline: Timeline) {
        var departures: [SenderID: QueueLoad] = [:]
        for (id, queue) in queues {
            if let load = queue.takeDepartures() { departures[id] = load }
        }
        guard !departures.isEmpty else { return }
        perform(fanOut?.sent(departures, now: time.now) ?? [], timeline)
    }
}

// MARK: - Readers

extension WALFanOut {
    /// A reader's life: gets WAL, again and again.
    private nonisolated func run(_ id: ReaderID, from start: LSN, of timeline: Timeline) async {
        guard let pass = timeline.gate.enter() else { return await failed(id, .cancelled, timeline) }
        do throws(WALReadError) {
            let source = try await WALSource(timeline, extent: extent, from: start)
            guard await open(id, at: start, source) else { return }
            while let request = await nextRequest(of: id) {
                guard let available = try await source.end(beyond: request.from) else { continue }
                let end = source.chunkEnd(
                    from: request.from,
                    available: available,
                    limit: request.limit,
                    maximumSize: request.size
                )
                let wal = try await source.append(from: request.from, to: end, to: ByteBuffer())
                await take(wal, from: request.from, end: end, available: available, reader: id, timeline)
            }
        } catch {
            await failed(id, error, timeline)
        }
        extendLifetime(pass)
    }

    /// Makes a reader's decoder; gives false if the reader has been closed meanwhile.
    private func open(_ id: ReaderID, at start: LSN, _ source: WALSource) -> Bool {
        guard let reader = readers[id] else { return false }
        do throws(WALDecodeError) {
            reader.interpretation = try ShardedInterpretation(
                version: source.version,
                segmentSize: source.segmentSize,
                startingAt: start
            )
            return true
        } catch {
            preconditionFailure("a reader was opened at \(start), where no record can start")
        }
    }

    /// Waits until a reader is to read; gives nil if it was closed.
    private func nextRequest(of id: ReaderID) async -> ReadRequest? {
        while let reader = readers[id], !Task.isCancelled {
            if let request = reader.request {
                reader.request = nil
                return request
            }
            let promise = Promise<Void>()
            reader.waiting = promise
            await promise.value(ifCancelled: ())
        }
        return nil
    }

    /// Interprets a chunk for all senders of a reader.
    private func take(
        _ wal: ByteBuffer,
        from start: LSN,
        end: LSN,
        available: LSN,
        reader id: ReaderID,
        _ timeline: Timeline
    ) {
        takeDepartures(of: timeline)
        guard let seats = fanOut?.beginChunk(id), let reader = readers[id] else { return }
        decodedBytes += UInt64(wal.readableBytes)
        metrics.decodedBytes.increment(by: wal.readableBytes)
        guard let outcome = reader.interpretation?.take(wal.readableBytesSpan, for: seats) else { return }
        failure = outcome.failure
        if let failure {
            logger.critical("can't interpret WAL", metadata: ["error": "\(failure)", "ttid": "\(timeline.id)"])
        }
        // Of a chunk that is broken off, only what comes before has been looked at.
        let reached = outcome.failure == nil ? end : min(end, outcome.lastRecord?.next ?? start)
        let actions = fanOut?.endChunk(
            id,
            end: reached,
            available: available,
            progress: outcome.progress,
            now: time.now
        )
        perform(actions ?? [], timeline, outcome, seats)
        failure = nil
    }

    private func failed(_ id: ReaderID, _ error: WALReadError, _ timeline: Timeline) {
        guard readers[id] != nil else { return }
        if error != .cancelled {
            logger.error("can't read WAL", metadata: ["error": "\(error)", "ttid": "\(timeline.id)"])
        }
        failure = .read("\(error)")
        perform(fanOut?.failed(id, now: time.now) ?? [], timeline)
        failure = nil
    }
}

// MARK: - Actions

extension WALFanOut {
    private func perform(
        _ actions: [FanOutAction],
        _ timeline: Timeline,
        _ outcome: ShardedInterpretation.Outcome? = nil,
        _ seats: [FanOutSeat] = []
    ) {
        var hasToLookAgain = false
        for action in actions {
            switch action {
            case .open(let id, let start):
                let reader = Reader()
                readers[id] = reader
                metrics.sharedReaders.increment()
                // It ends with the reader's last sender, and is inside the timeline's gate until then.
                reader.task = Task { await run(id, from: start, of: timeline) }
            case .read(let id, let from, let limit):
                let size = WALChunk.maximumSize(forSenders: fanOut?.senderCount(of: id) ?? 1)
                readers[id]?.request = ReadRequest(from: from, limit: limit, size: size)
                readers[id]?.waiting.take()?.resolve(())
            case .close(let id):
                let reader = readers.removeValue(forKey: id)
                metrics.sharedReaders.decrement()
                reader?.task?.cancel()
                reader?.waiting.take()?.resolve(())
            case .enqueue(let id, let positions):
                guard let outcome, let seat = seats.firstIndex(where: { $0.sender == id }) else {
                    preconditionFailure("a message for \(id), which has no seat")
                }
                let message = ShardMessage(
                    positions: positions,
                    records: positions.hasRecords ? outcome.records[seat] : [],
                    recordCount: positions.hasRecords ? outcome.counts[seat] : 0
                )
                if queues[id]?.push(message) == true { hasToLookAgain = true }
            case .move(let id, let reader, let lsn):
                logger.debug(
                    "sender changes its reader",
                    metadata: ["sender": "\(id)", "to": "\(reader)", "at": "\(lsn)"]
                )
            case .fail(let id):
                queues.removeValue(forKey: id)?.close(failure ?? .read("\(WALReadError.cancelled)"))
            }
        }
        watchTheClock(timeline)
        if hasToLookAgain { takeDepartures(of: timeline) }
    }

    /// Sees to it that time passes for the fan-out while somebody holds others up.
    private func watchTheClock(_ timeline: Timeline) {
        guard ticker == nil, fanOut?.isHoldingBack == true else { return }
        ticker = Task { [time, limits] in
            do throws(CancellationError) {
                try await time.sleep(until: time.now + limits.grace / 10)
            } catch {}
            tick(timeline)
        }
    }

    private func tick(_ timeline: Timeline) {
        ticker = nil
        takeDepartures(of: timeline)
        perform(fanOut?.tick(now: time.now) ?? [], timeline)
    }
}
