internal import CoreMetrics
internal import Logging
internal import NIOCore
internal import PostgresWAL
internal import ReplicationProtocol

extension Timeline {
    /// The longest time for which one connection has the timeline's thread to itself.
    private static let turn = Duration.milliseconds(20)

    /// Takes the messages of one connection until there are no more, and flushes what they brought.
    ///
    /// Runs on the timeline's thread: messages are taken as they come, without a change of threads for each. Not ended by
    /// the task's cancellation, as what was received is to be written; only ``MessageQueue/finish()``, the timeline's
    /// cancellation and an error end it. Nothing is flushed or answered once the timeline is cancelled.
    ///
    /// - Parameters:
    ///   - queue: the messages.
    ///   - replies: the answers; when it is full, no messages are taken.
    ///   - version: the form of the messages.
    ///   - slot: the connection's entry in ``receivers``.
    /// - Throws: ``AcceptorError``.
    ///
    /// Source: `safekeeper-core.md` §5.
    func accept(
        from queue: MessageQueue,
        replies: ReplyQueue,
        version: ConsensusProtocolVersion,
        slot: WALReceivers.Slot
    ) async throws(AcceptorError) {
        var work = Work(version: version, slot: slot)
        do throws(AcceptorError) {
            while await queue.untilFilled() {
                while !gate.isCancelled, let pause = try takeTurn(from: queue, replies: replies, &work) {
                    switch pause {
                    case .turnIsOver: await Task.yield()
                    case .unsent(let reply):
                        while !replies.offer(reply) { await replies.untilRoom() }
                    }
                }
                if gate.isCancelled { return }
            }
        } catch {
            // What the messages before brought is worth being kept.
            _ = try? flush(&work.flushes)
            publish()
            throw error
        }
    }

    private enum Pause {
        /// Others want the thread, too.
        case turnIsOver
        /// There is no room for an answer.
        case unsent(AcceptorMessage)
    }

    /// What is kept for one connection.
    private struct Work {
        let version: ConsensusProtocolVersion
        let slot: WALReceivers.Slot
        var flushes = FlushSchedule()
        /// Memory for small messages that are put together.
        var storage: [UInt8] = []
    }

    /// Takes messages until there are none, and flushes; gives a reason if it stops before.
    private func takeTurn(
        from queue: MessageQueue,
        replies: ReplyQueue,
        _ work: inout Work
    ) throws(AcceptorError) -> Pause? {
        defer { publish() }
        let start = time.now
        while let element = queue.next() {
            if gate.isCancelled { return nil }
            let answer = try take(element, andWhatFollowsIn: queue, &work)
            let now = time.now
            if case .appendResponse = answer { work.flushes.segmentFinished(at: now) }
            if let answer, !send(answer, replies) { return .unsent(answer) }
            if work.flushes.isDue(at: now), let reply = try flush(&work.flushes), !send(reply, replies) {
                return .unsent(reply)
            }
            if now - start >= Self.turn { return .turnIsOver }
        }
        if let reply = try flush(&work.flushes), !send(reply, replies) { return .unsent(reply) }
        return nil
    }
}

// MARK: - Steps

extension Timeline {
    /// Takes one message, or small ones together; only those are copied.
    private func take(
        _ element: MessageQueue.Element,
        andWhatFollowsIn queue: MessageQueue,
        _ work: inout Work
    ) throws(AcceptorError) -> AcceptorMessage? {
        guard case .append(let request) = element.message else {
            guard case .elected = element.message else {
                return try process(element.message, wal: RawSpan(), count: 1)
            }
            receivers.setStreaming(work.slot)
            let start = time.now
            let answer = try process(element.message, wal: RawSpan(), count: 1)
            metrics.electedTime.recordNanoseconds((time.now - start).nanoseconds)
            return answer
        }
        guard let second = queue.next(if: { AppendRun.isContinued(request, by: $0, from: request) }) else {
            work.flushes.appended(request.size, at: time.now)
            let wal = element.bytes.readableBytesSpan.extracting(request.walRange(in: work.version))
            return try process(element.message, wal: wal, count: 1)
        }
        var storage: [UInt8] = []
        swap(&storage, &work.storage)
        var run = AppendRun(element, request, version: work.version, storage: storage)
        run.take(second, version: work.version)
        var count = 2
        while let next = queue.next(if: { AppendRun.isContinued(run.request, by: $0, from: request) }) {
            run.take(next, version: work.version)
            count += 1
        }
        work.flushes.appended(run.request.size, at: time.now)
        let answer = try process(.append(run.request), wal: run.bytes, count: count)
        work.storage = run.storage()
        return answer
    }

    private func process(
        _ message: ProposerMessage,
        wal: RawSpan,
        count: Int
    ) throws(AcceptorError) -> AcceptorMessage? {
        guard let state else { preconditionFailure("timeline \(id) was closed while a connection used it") }
        do throws(AcceptorError) {
            let answer = try state.process(message, wal: wal)
            metrics.messagesTaken.increment(by: count)
            if state.commitLSN != shownCommitLSN { publish() }
            return answer
        } catch {
            metrics.messagesRefused.increment()
            self.count(error)
            throw error
        }
    }

    /// Makes what was written durable; gives the answer.
    private func flush(_ flushes: inout FlushSchedule) throws(AcceptorError) -> AcceptorMessage? {
        guard let state, flushes.isDirty, !gate.isCancelled else { return nil }
        let start = time.now
        do throws(AcceptorError) {
            let response = try state.flush()
            flushes.flushed(from: start, to: time.now)
            publish()
            return .appendResponse(response)
        } catch {
            flushes.flushFailed()
            count(error)
            throw error
        }
    }

    private func count(_ error: AcceptorError) {
        if error.storageError != nil { metrics.diskErrors.increment() }
    }

    /// Puts an answer with the others; gives false if there is no room.
    private func send(_ reply: AcceptorMessage, _ replies: ReplyQueue) -> Bool {
        guard case .appendResponse(var response) = reply else { return replies.offer(reply) }
        response.standby = receivers.standby
        return replies.offer(.appendResponse(response))
    }
}

extension AppendRequest {
    /// Bytes of WAL.
    fileprivate var size: Int { Int(end.rawValue - begin.rawValue) }
}
