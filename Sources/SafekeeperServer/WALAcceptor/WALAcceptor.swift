internal import CoreMetrics
package import Logging
package import NIOCore
package import ReplicationProtocol

/// One proposer's connection, from its greeting to its end.
///
/// ```
/// connection ─▶ reader ─▶ MessageQueue ─▶ Timeline.accept ─▶ ReplyQueue ─▶ writer ─▶ connection
///               decodes   256, 2 MiB      on its thread      16            batches
/// ```
/// Reading and writing are not in step: messages pile up while the disk is busy, and one flush answers them all. WAL
/// stays in the buffers that it was received in until it is written.
///
/// Source: `safekeeper-core.md` §5.
package struct WALAcceptor: Sendable {
    /// What is known of a connection before its first message.
    package struct Connection: Sendable {
        /// The timeline that it is for.
        package var id: TenantTimelineID
        /// The form of its messages.
        package var version: ConsensusProtocolVersion
        /// Whether the timeline is made if it isn't there.
        package var allowsCreation: Bool
        /// The connection's number; nil for recovery from a peer.
        package var number: UInt64?

        package init(
            id: TenantTimelineID,
            version: ConsensusProtocolVersion,
            allowsCreation: Bool = true,
            number: UInt64?
        ) {
            self.id = id
            self.version = version
            self.allowsCreation = allowsCreation
            self.number = number
        }
    }

    /// How a connection has ended, other than by an error; nothing is to be sent any more.
    package enum Ending: Hashable, Sendable {
        /// The proposer has sent its last message.
        case finished
        /// The timeline was deleted, or the safekeeper is shutting down.
        case timelineCancelled
        /// The timeline isn't there, and may not be made.
        case timelineNotFound
    }

    /// Blocked for so long, a message is worth a line in the log.
    static let slowSend = Duration.seconds(5)
    /// How often the queue's depth is sampled.
    static let samplingInterval = Duration.seconds(5)

    private let registry: TimelineRegistry
    private let connection: Connection
    private let logger: Logger

    private var time: any TimeSource { registry.time }

    /// - Parameters:
    ///   - registry: where the timeline is.
    ///   - connection: what is known of the connection.
    ///   - logger: where to tell what happens.
    package init(registry: TimelineRegistry, connection: Connection, logger: Logger) {
        self.registry = registry
        self.connection = connection
        var logger = logger
        logger[metadataKey: "ttid"] = "\(connection.id)"
        self.logger = logger
    }

    /// Serves the connection until it ends.
    ///
    /// When this returns, all that was received is written and flushed, unless there was an error or the timeline was
    /// cancelled. Ended by the task's cancellation, if `messages` and `send` are.
    ///
    /// - Parameters:
    ///   - messages: what comes in, each element one consensus message.
    ///   - send: sends messages, one after the other; never called twice at the same time.
    /// - Returns: how it has ended.
    /// - Throws: ``WALAcceptorError``.
    package func run<Messages: AsyncSequence & Sendable>(
        messages: Messages,
        send: @escaping @Sendable ([AcceptorMessage]) async throws -> Void
    ) async throws(WALAcceptorError) -> Ending where Messages.Element == ByteBuffer {
        // Resolved by whatever ends the connection from this side: then the reader's task is cancelled.
        let isOver = Promise<Void>()
        let result = await withTaskGroup(of: Result<Ending, WALAcceptorError>?.self) { group in
            group.addTask {
                do throws(WALAcceptorError) {
                    return .success(try await serve(messages, send, isOver))
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                await isOver.value(ifCancelled: ())
                return nil
            }
            var result: Result<Ending, WALAcceptorError>?
            while case nil = result, let next = await group.next() {
                result = next
                group.cancelAll()
            }
            return result
        }
        guard let result else { preconditionFailure("a connection has ended without a result") }
        return try result.get()
    }
}

// MARK: - The first message

extension WALAcceptor {
    private func serve<Messages: AsyncSequence>(
        _ messages: Messages,
        _ send: @escaping @Sendable ([AcceptorMessage]) async throws -> Void,
        _ isOver: Promise<Void>
    ) async throws(WALAcceptorError) -> Ending where Messages.Element == ByteBuffer {
        var iterator = messages.makeAsyncIterator()
        let first: MessageQueue.Element
        do {
            guard let bytes = try await iterator.next() else { return .finished }
            first = try decode(bytes)
        } catch let error as WALAcceptorError {
            throw error
        } catch {
            throw .connection(error)
        }
        guard case .greeting(let greeting) = first.message else { throw .noGreeting(first.message) }
        let timeline: Timeline
        do throws(TimelineError) {
            timeline = try await find(greeting)
        } catch .notFound {
            logger.info("timeline not found, and allow_timeline_creation is false")
            return .timelineNotFound
        } catch .cancelled {
            return .timelineCancelled
        } catch {
            throw connection.allowsCreation ? .creation(error) : .timeline(error)
        }
        guard let pass = timeline.gate.enter() else { return .timelineCancelled }
        let queue = MessageQueue(limits: registry.settings.queueLimits, metrics: registry.metrics)
        let replies = ReplyQueue()
        let slot = timeline.receivers.add(connection: connection.number, replies: replies)
        _ = queue.offer(first)
        let result = await exchange(timeline, queue, replies, slot, &iterator, send, isOver)
        queue.abandon()
        timeline.receivers.remove(slot)
        extendLifetime(pass)
        return try result.get()
    }

    private func decode(_ bytes: ByteBuffer) throws(WALAcceptorError) -> MessageQueue.Element {
        do throws(ConsensusMessageError) {
            return try MessageQueue.Element(decoding: bytes, version: connection.version)
        } catch {
            throw .message(error)
        }
    }

    private func find(_ greeting: ProposerGreeting) async throws(TimelineError) -> Timeline {
        guard connection.allowsCreation else { return try registry.timeline(connection.id) }
        let server = ControlFile.Server(
            versionNumber: greeting.serverVersionNumber,
            systemIdentifier: greeting.systemID,
            segmentSize: greeting.segmentSize
        )
        return try await registry.create(connection.id, for: server)
    }
}

// MARK: - The parts

extension WALAcceptor {
    /// Reads in this task, takes messages and writes answers in others; gives how that ended once all have.
    private func exchange<Iterator: AsyncIteratorProtocol>(
        _ timeline: Timeline,
        _ queue: MessageQueue,
        _ replies: ReplyQueue,
        _ slot: WALReceivers.Slot,
        _ iterator: inout Iterator,
        _ send: @escaping @Sendable ([AcceptorMessage]) async throws -> Void,
        _ isOver: Promise<Void>
    ) async -> Result<Ending, WALAcceptorError> where Iterator.Element == ByteBuffer {
        let failure = await withTaskGroup(of: WALAcceptorError?.self) { group in
            group.addTask {
                defer {
                    replies.close()
                    isOver.resolve(())
                }
                do throws(AcceptorError) {
                    try await timeline.accept(from: queue, replies: replies, slot: slot)
                    return nil
                } catch {
                    return .acceptor(error)
                }
            }
            group.addTask {
                defer { isOver.resolve(()) }
                return await write(replies, send)
            }
            group.addTask {
                guard await timeline.gate.untilCancelled() else { return nil }
                queue.abandon()
                replies.close()
                isOver.resolve(())
                return nil
            }
            group.addTask {
                await sample(queue)
                return nil
            }
            // What the proposer did wrong, or its connection, counts before what followed from it.
            var failure = await read(&iterator, into: queue)
            queue.finish()
            replies.close()
            group.cancelAll()
            for await other in group { failure = failure ?? other }
            return failure
        }
        if timeline.gate.isCancelled { return .success(.timelineCancelled) }
        if let failure { return .failure(failure) }
        return .success(.finished)
    }

    private func read<Iterator: AsyncIteratorProtocol>(
        _ iterator: inout Iterator,
        into queue: MessageQueue
    ) async -> WALAcceptorError? where Iterator.Element == ByteBuffer {
        do {
            while let bytes = try await iterator.next() {
                await put(try decode(bytes), into: queue)
                if Task.isCancelled { return nil }
            }
            return nil
        } catch let error as WALAcceptorError {
            return error
        } catch {
            // Being cancelled is no failure of the connection.
            return Task.isCancelled ? nil : .connection(error)
        }
    }

    /// Waits as long as the queue is full; then nothing more is read, and the proposer has to wait, too.
    private func put(_ element: MessageQueue.Element, into queue: MessageQueue) async {
        if queue.offer(element) { return }
        let start = time.now
        let isSlow = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do throws(CancellationError) {
                    try await time.sleep(until: start + Self.slowSend)
                } catch {
                    return false
                }
                logger.warning("slow WalAcceptor send blocked for \(seconds(time.now - start))")
                return true
            }
            repeat {
                await queue.untilRoom()
            } while !queue.offer(element) && !Task.isCancelled
            group.cancelAll()
            return await group.next() ?? false
        }
        if isSlow { logger.warning("slow WalAcceptor send completed after \(seconds(time.now - start))") }
    }

    private func write(
        _ replies: ReplyQueue,
        _ send: @Sendable ([AcceptorMessage]) async throws -> Void
    ) async -> WALAcceptorError? {
        var last: AppendResponse?
        while let batch = await replies.next() {
            var messages = batch.replies
            for case .appendResponse(let response) in batch.replies { last = response }
            // A pageserver's report goes out with the last answer once more; without one it is dropped.
            for feedback in batch.feedback {
                guard var response = last else { break }
                response.pageserver = feedback
                messages.append(.appendResponse(response))
            }
            if messages.isEmpty { continue }
            do {
                try await send(messages)
            } catch {
                return Task.isCancelled ? nil : .connection(error)
            }
        }
        return nil
    }

    private func sample(_ queue: MessageQueue) async {
        while true {
            do throws(CancellationError) {
                try await time.sleep(until: time.now + Self.samplingInterval)
            } catch {
                return
            }
            registry.metrics.receiverQueueDepth.record(queue.count)
        }
    }
}

/// A duration in seconds with three decimals: `5.000s`.
private func seconds(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let milliseconds = String(attoseconds / 1_000_000_000_000_000)
    return "\(seconds).\(String(repeating: "0", count: 3 - milliseconds.count))\(milliseconds)s"
}
