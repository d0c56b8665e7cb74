internal import Synchronization

/// The messages that wait for one shard's connection; the fan-out bounds their number and size.
///
/// One side fills it, one task empties it, and a clock may knock.
package final class ShardQueue: Sendable {
    /// What there is to do for the one who empties it.
    package enum Event: Sendable {
        /// Send this.
        case message(ShardMessage)
        /// Nothing has been sent for a while.
        case idle
        /// There will be no more: the reader has failed, or the task was cancelled.
        case closed(ShardStreamError?)
    }

    private struct State {
        var messages: [ShardMessage] = []
        var isIdle = false
        var isClosed = false
        var failure: ShardStreamError?
        var waiting: Promise<Void>?
    }

    private let state = Mutex(State())

    /// Adds a message.
    func push(_ message: ShardMessage) {
        wake { $0.messages.append(message) }
    }

    /// There will be no more messages; those that are there are still given out.
    func close(_ failure: ShardStreamError?) {
        wake { state in
            state.isClosed = true
            state.failure = state.failure ?? failure
        }
    }

    /// Tells that nothing has been sent for a while; counts once, however often it is said.
    func knock() {
        wake { $0.isIdle = true }
    }

    private func wake(_ change: (inout State) -> Void) {
        let waiting = state.withLock { state in
            change(&state)
            return state.waiting.take()
        }
        waiting?.resolve(())
    }

    /// Waits for something to do; messages first.
    func next() async -> Event {
        while true {
            let promise = Promise<Void>()
            let event = state.withLock { state -> Event? in
                if !state.messages.isEmpty {
                    state.isIdle = false
                    return .message(state.messages.removeFirst())
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
}
