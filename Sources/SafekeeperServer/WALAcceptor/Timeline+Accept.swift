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
    ///   - slot: the connection's entry in ``receivers``.
    /// - Throws: ``AcceptorError``.
    ///
    /// Source: `safekeeper-core.md` §5.
    func accept(
        from queue: MessageQueue,
        replies: ReplyQueue,
        slot: WALReceivers.Slot
    ) async throws(AcceptorError) {
        var work = Work(slot: slot)
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
        let slot: WALReceivers.Slot
        var flushes = FlushSchedule()
        /// What is left of a message that was written in part.
        var rest: MessageQueue.Element?
    }

    /// Takes messages until there are none, and flushes; gives a reason if it stops before.
    private func takeTurn(
        from queue: MessageQueue,
        replies: ReplyQueue,
        _ work: inout Work
    ) throws(AcceptorError) -> Pause? {
        defer { publish() }
        let start = time.now
        while let element = work.rest.take() ?? queue.next() {
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
    /// Takes one message, or append requests together.
    private func take(
        _ element: MessageQueue.Element,
        andWhatFollowsIn queue: MessageQueue,
        _ work: inout Work
    ) throws(AcceptorError) -> AcceptorMessage? {
        switch element.message {
        case .append(let request):
            if let run = AppendRun(element, next: { queue.next(if: $0) }) {
                work.rest = run.rest
                work.flushes.appended(run.request.size, at: time.now)
                return try process(run.count) { state throws(AcceptorError) in
                    try state.process(run.request, wal: run.pieces)
                }
            }
            work.flushes.appended(request.size, at: time.now)
            return try process(element)
        case .elected:
            receivers.setStreaming(work.slot)
            let start = time.now
            let answer = try process(element)
            metrics.electedTime.recordNanoseconds((time.now - start).nanoseconds)
            return answer
        case .greeting, .voteRequest:
            return try process(element)
        }
    }

    private func process(_ element: MessageQueue.Element) throws(AcceptorError) -> AcceptorMessage? {
        try process(1) { state throws(AcceptorError) in
            try state.process(element.message, wal: element.wal.readableBytesSpan)
        }
    }

    /// Has the state process so many messages at once.
    private func process(
        _ count: Int,
        _ body: (TimelineState) throws(AcceptorError) -> AcceptorMessage?
    ) throws(AcceptorError) -> AcceptorMessage? {
        guard let state else { preconditionFailure("timeline \(id) was closed while a connection used it") }
        do throws(AcceptorError) {
            let answer = try body(state)
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
