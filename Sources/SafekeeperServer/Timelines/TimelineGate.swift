internal import Synchronization

/// Counts those who use a timeline, tells them to stop, and waits until they have.
///
/// Everybody who touches a timeline's files, or holds on to it across a wait, is inside the gate. ``cancel()`` lets
/// nobody in any more; ``untilEmpty()`` ends once all have left.
///
/// Source: `safekeeper-core.md` §6.3.
package final class TimelineGate: Sendable {
    private struct State {
        var users = 0
        var isCancelled = false
        var untilEmpty: [Promise<Void>] = []
        var untilCancelled: [ObjectIdentifier: Promise<Bool>] = [:]
    }

    private let state = Mutex(State())
    private let cancelled = Atomic(false)

    package init() {}

    deinit {
        precondition(state.withLock { $0.users == 0 }, "a gate goes away with users inside")
    }

    /// Whether everybody is to stop: cheap enough to ask for every message.
    package var isCancelled: Bool { cancelled.load(ordering: .acquiring) }

    /// How many are inside.
    package var userCount: Int { state.withLock { $0.users } }

    /// Goes inside; nil if cancelled.
    package func enter() -> Pass? {
        let isOpen = state.withLock { state in
            if !state.isCancelled { state.users += 1 }
            return !state.isCancelled
        }
        return isOpen ? Pass(gate: self) : nil
    }

    /// The right to be inside; it ends with its owner.
    package struct Pass: ~Copyable, Sendable {
        private let gate: TimelineGate

        fileprivate init(gate: TimelineGate) {
            self.gate = gate
        }

        deinit {
            gate.leave()
        }
    }

    private func leave() {
        let waiting = state.withLock { state -> [Promise<Void>] in
            state.users -= 1
            guard state.users == 0 else { return [] }
            defer { state.untilEmpty = [] }
            return state.untilEmpty
        }
        for promise in waiting { promise.resolve(()) }
    }

    /// Tells all inside to stop, and lets nobody in any more.
    package func cancel() {
        let waiting = state.withLock { state -> [Promise<Bool>] in
            state.isCancelled = true
            cancelled.store(true, ordering: .releasing)
            defer { state.untilCancelled = [:] }
            return Array(state.untilCancelled.values)
        }
        for promise in waiting { promise.resolve(true) }
    }

    /// Waits until cancelled; gives false if the task is cancelled before.
    package func untilCancelled() async -> Bool {
        let promise = Promise<Bool>()
        let isCancelled = state.withLock { state in
            if !state.isCancelled { state.untilCancelled[ObjectIdentifier(promise)] = promise }
            return state.isCancelled
        }
        if isCancelled { return true }
        let result = await promise.value(ifCancelled: false)
        if !result { state.withLock { $0.untilCancelled[ObjectIdentifier(promise)] = nil } }
        return result
    }

    /// Waits until nobody is inside; not ended by the task's cancellation, as files must not go under somebody's feet.
    package func untilEmpty() async {
        let promise = Promise<Void>()
        let isEmpty = state.withLock { state in
            if state.users > 0 { state.untilEmpty.append(promise) }
            return state.users == 0
        }
        if !isEmpty { await promise.value() }
    }
}
