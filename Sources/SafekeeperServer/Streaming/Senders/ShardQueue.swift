internal import Synchronization

/// The messages that wait for one shard's connection; the fan-out bounds their number and size.
///
/// One side fills it, one task empties it, and a clock may knock. What has left is noted here, and the fan-out comes for
/// it whenever it has something to do anyway: it is told at once only if it takes the queue for full, and may wait for it.
package final class ShardQueue: Sendable {
    /// What there is to do for the one who empties it.
    package enum Event: Sendable {
        /// Send these, as one message.
        case messages([ShardMessage])
        /// Nothing has been sent for a while.
        case idle
        /// There will be no more: the reader has failed, or the task was cancelled.
        case closed(ShardStreamError?)
    }

    /// Bytes of records up to which messages that wait are put together: what a chunk of WAL has at most.
    ///
    /// A shard that comes as fast as the reader gets a message for each chunk. One that doesn't would fall behind further
    /// by sending, compressing and answering each of them.
    private static let joinedBytes = WALChunk.maximumSize

    private struct State {
        var messages: [ShardMessage] = []
        var isIdle = false
        var isClosed = false
        var failure: ShardStreamError?
        var waiting: Promise<Void>?
        /// What is here as far as the fan-out knows.
        var known = QueueLoad()
        /// What of that has left.
        var departed = QueueLoad()
    }

    private let limits: FanOutLimits
    private let state = Mutex(State())

    package init(_ limits: FanOutLimits) {
        self.limits = limits
    }

    /// Adds a message.
    ///
    /// - Returns: whether the fan-out takes the queue for full although something has left: it has to look again.
    package func push(_ message: ShardMessage) -> Bool {
        wake { state in
            state.messages.append(message)
            state.known += message.load
            return !limits.hasRoom(beside: state.known) && state.departed.messages > 0
        }
    }

    /// Notes that messages have left.
    ///
    /// - Returns: whether the fan-out is to be told, since it takes the queue for full.
    package func sent(_ messages: [ShardMessage]) -> Bool {
        state.withLock { state in
            for message in messages { state.departed += message.load }
            return !limits.hasRoom(beside: state.known)
        }
    }

    /// What has left since the last time, for the fan-out; nil if nothing has.
    package func takeDepartures() -> QueueLoad? {
        state.withLock { state in
            guard state.departed.messages > 0 else { return nil }
            state.known -= state.departed
            defer { state.departed = QueueLoad() }
            return state.departed
        }
    }

    /// There will be no more messages; those that are there are still given out.
    package func close(_ failure: ShardStreamError?) {
        wake { state in
            state.isClosed = true
            state.failure = state.failure ?? failure
        }
    }

    /// Tells that nothing has been sent for a while; counts once, however often it is said.
    package func knock() {
        wake { $0.isIdle = true }
    }

    private func wake<Result: Sendable>(_ change: (inout State) -> Result) -> Result {
        let (waiting, result) = state.withLock { state in
            let result = change(&state)
            return (state.waiting.take(), result)
        }
        waiting?.resolve(())
        return result
    }

    /// Waits for something to do; messages first.
    package func next() async -> Event {
        while true {
            let promise = Promise<Void>()
            let event = state.withLock { state -> Event? in
                if !state.messages.isEmpty {
                    state.isIdle = false
                    return .messages(Self.takeFirst(of: &state.messages))
                }
                if state.isClosed { return .closed(state.failure) }
                if state.isIdle {
                    state.isIdle = false
                    return .idle
                }
                state.waiting = promise
                return nil
            }
            if let event { return event }
            await promise.value(ifCancelled: ())
            if Task.isCancelled { return .closed(nil) }
        }
    }

    /// The first message, and those behind it that go with it.
    private static func takeFirst(of messages: inout [ShardMessage]) -> [ShardMessage] {
        var count = 1
        var bytes = messages[0].records.count
        while count < messages.count, bytes + messages[count].records.count <= joinedBytes {
            bytes += messages[count].records.count
            count += 1
        }
        defer { messages.removeFirst(count) }
        return Array(messages[..<count])
    }
}
