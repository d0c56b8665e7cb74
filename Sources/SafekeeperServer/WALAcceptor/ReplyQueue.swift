internal import ReplicationProtocol
internal import Synchronization

/// What is to be sent to one proposer: replies, of which at most 16 wait, and feedback of pageservers, at most 8.
///
/// When it is full of replies the acceptor waits; of feedback the oldest is dropped. One task fills it, one empties it,
/// and anybody may add feedback.
///
/// Source: `safekeeper-core.md` §0, §5.
final class ReplyQueue: Sendable {
    /// Replies that wait at most.
    static let replyLimit = 16
    /// Reports of pageservers that wait at most.
    static let feedbackLimit = 8

    /// What is sent together.
    struct Batch: Sendable {
        var replies: [AcceptorMessage] = []
        var feedback: [PageserverFeedback] = []

        var isEmpty: Bool { replies.isEmpty && feedback.isEmpty }
    }

    private struct State {
        var batch = Batch()
        var isClosed = false
        var untilFilled: Promise<Void>?
        var untilRoom: Promise<Void>?
    }

    private let state = Mutex(State())

    /// Adds a reply if there is room.
    ///
    /// - Returns: whether it is done with: also if the queue is closed, and nobody wants it any more.
    func offer(_ reply: AcceptorMessage) -> Bool {
        let (isTaken, waiting) = state.withLock { state -> (Bool, Promise<Void>?) in
            if state.isClosed { return (true, nil) }
            guard state.batch.replies.count < Self.replyLimit else { return (false, nil) }
            state.batch.replies.append(reply)
            return (true, state.untilFilled.take())
        }
        waiting?.resolve(())
        return isTaken
    }

    /// Adds feedback, if need be in the place of the oldest.
    func offer(_ feedback: PageserverFeedback) {
        let waiting = state.withLock { state -> Promise<Void>? in
            if state.isClosed { return nil }
            if state.batch.feedback.count == Self.feedbackLimit { state.batch.feedback.removeFirst() }
            state.batch.feedback.append(feedback)
            return state.untilFilled.take()
        }
        waiting?.resolve(())
    }

    /// Waits until there is room for a reply, or the queue is closed; for the one task that fills it.
    nonisolated(nonsending) func untilRoom() async {
        let promise = Promise<Void>()
        let hasRoom = state.withLock { state in
            if state.isClosed || state.batch.replies.count < Self.replyLimit { return true }
            state.untilRoom = promise
            return false
        }
        if !hasRoom { await promise.value() }
    }

    /// All that waits, once there is something; nil once the queue is closed and empty, or the task is cancelled.
    func next() async -> Batch? {
        while true {
            let promise = Promise<Void>()
            let (batch, isOver, waiting) = state.withLock { state -> (Batch?, Bool, Promise<Void>?) in
                if !state.batch.isEmpty {
                    defer { state.batch = Batch() }
                    return (state.batch, false, state.untilRoom.take())
                }
                if !state.isClosed { state.untilFilled = promise }
                return (nil, state.isClosed, nil)
            }
            waiting?.resolve(())
            if let batch { return batch }
            if isOver { return nil }
            await promise.value(ifCancelled: ())
            if Task.isCancelled { return nil }
        }
    }

    /// Takes no more replies; nobody waits any more.
    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            return [state.untilFilled.take(), state.untilRoom.take()]
        }
        for promise in waiting { promise?.resolve(()) }
    }
}
