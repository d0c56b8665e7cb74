internal import PostgresWAL
internal import Synchronization

/// Where a timeline's owner shows how far it is, and others look or wait.
///
/// Looking takes a lock for as long as copying a few numbers. Publishing doesn't look at those who wait unless it passes
/// the first position that somebody waits for, or the term changes: hundreds of waiting senders cost nothing until
/// there is something for them.
package final class TimelineWatch: Sendable {
    /// Why a wait ended without what was waited for.
    package enum Interruption: Error, Hashable, Sendable {
        /// The timeline is being deleted or shut down.
        case timelineCancelled
        /// The waiting task was cancelled.
        case taskCancelled
    }

    private enum Outcome: Sendable {
        case met(TimelineSnapshot)
        case timedOut
        case interrupted(Interruption)
    }

    private struct Waiter {
        let condition: TimelineCondition
        let promise: Promise<Outcome>
    }

    /// The least that somebody waits for, of each kind; may be less than that.
    private struct Threshold {
        var commit = LSN(.max)
        var flush = LSN(.max)
        var unsaved = UInt64.max
        var hasTerm = false

        mutating func add(_ condition: TimelineCondition) {
            switch condition {
            case .committed(let lsn, let term):
                commit = min(commit, lsn)
                hasTerm = hasTerm || term != nil
            case .flushed(let lsn, let term):
                flush = min(flush, lsn)
                hasTerm = hasTerm || term != nil
            case .unsaved(let distance): unsaved = min(unsaved, distance)
            }
        }

        func mayBePassed(by new: TimelineSnapshot, after old: TimelineSnapshot) -> Bool {
            if new.commitLSN > commit || new.flushLSN > flush { return true }
            if let distance = new.unsavedDistance, distance >= unsaved { return true }
            return hasTerm && (new.term != old.term || new.lastLogTerm != old.lastLogTerm)
        }
    }

    private struct State {
        var snapshot: TimelineSnapshot
        var isCancelled = false
        var waiters: [ObjectIdentifier: Waiter] = [:]
        var threshold = Threshold()
    }

    private let state: Mutex<State>

    package init(_ snapshot: TimelineSnapshot = TimelineSnapshot()) {
        state = Mutex(State(snapshot: snapshot))
    }

    /// How far the timeline is.
    package var current: TimelineSnapshot { state.withLock { $0.snapshot } }

    /// How many wait.
    package var waiterCount: Int { state.withLock { $0.waiters.count } }

    /// Shows how far the timeline is, and wakes those who have waited for that.
    package func publish(_ snapshot: TimelineSnapshot) {
        let met = state.withLock { state -> [Promise<Outcome>] in
            let old = state.snapshot
            state.snapshot = snapshot
            guard state.threshold.mayBePassed(by: snapshot, after: old) else { return [] }
            let met = state.waiters.filter { $0.value.condition.isMet(by: snapshot) }
            state.threshold = Threshold()
            for (key, waiter) in state.waiters {
                if met[key] == nil { state.threshold.add(waiter.condition) } else { state.waiters[key] = nil }
            }
            return met.values.map(\.promise)
        }
        for promise in met { promise.resolve(.met(snapshot)) }
    }

    /// Ends all waits, now and later.
    package func cancel() {
        let waiters = state.withLock { state in
            state.isCancelled = true
            defer { state.waiters = [:] }
            return state.waiters.values.map(\.promise)
        }
        for promise in waiters { promise.resolve(.interrupted(.timelineCancelled)) }
    }
}

// MARK: - Waiting

extension TimelineWatch {
    /// Waits until a condition is met; gives what is there then, at once if it is met already.
    package func wait(for condition: TimelineCondition) async throws(Interruption) -> TimelineSnapshot {
        let promise = Promise<Outcome>()
        if let snapshot = try register(promise, for: condition) { return snapshot }
        let outcome = await promise.value(ifCancelled: .interrupted(.taskCancelled))
        forget(promise)
        switch outcome {
        case .met(let snapshot): return snapshot
        case .timedOut: preconditionFailure("a wait without a deadline timed out")
        case .interrupted(let interruption): throw interruption
        }
    }

    /// Waits until a condition is met, or a time has come; gives nil in the latter case.
    package func wait(
        for condition: TimelineCondition,
        until deadline: Duration,
        by time: any TimeSource
    ) async throws(Interruption) -> TimelineSnapshot? {
        let promise = Promise<Outcome>()
        if let snapshot = try register(promise, for: condition) { return snapshot }
        let outcome = await withTaskGroup { group in
            group.addTask {
                do throws(CancellationError) {
                    try await time.sleep(until: deadline)
                    promise.resolve(.timedOut)
                } catch {}
            }
            let outcome = await promise.value(ifCancelled: .interrupted(.taskCancelled))
            group.cancelAll()
            return outcome
        }
        forget(promise)
        switch outcome {
        case .met(let snapshot): return snapshot
        case .timedOut: return nil
        case .interrupted(let interruption): throw interruption
        }
    }

    /// Puts a promise where ``publish(_:)`` finds it, unless the condition is met.
    private func register(
        _ promise: Promise<Outcome>,
        for condition: TimelineCondition
    ) throws(Interruption) -> TimelineSnapshot? {
        let result = state.withLock { state -> Result<TimelineSnapshot?, Interruption> in
            if state.isCancelled { return .failure(.timelineCancelled) }
            if condition.isMet(by: state.snapshot) { return .success(state.snapshot) }
            state.waiters[ObjectIdentifier(promise)] = Waiter(condition: condition, promise: promise)
            state.threshold.add(condition)
            return .success(nil)
        }
        return try result.get()
    }

    private func forget(_ promise: Promise<Outcome>) {
        state.withLock { $0.waiters[ObjectIdentifier(promise)] = nil }
    }
}
