internal import Synchronization

/// A value that one task waits for, and that whoever comes first gives.
///
/// The way it is used rules out lost wake-ups: it is put where others find it, under the same lock under which is looked
/// whether there is anything to wait for; and it may be resolved before anybody waits.
final class Promise<Value: Sendable>: Sendable {
    private enum State {
        case empty
        case awaited(CheckedContinuation<Value, Never>)
        case resolved(Value)
    }

    private let state = Mutex(State.empty)

    /// Gives the value; without effect if there is one.
    func resolve(_ value: Value) {
        let continuation = state.withLock { state -> CheckedContinuation<Value, Never>? in
            switch state {
            case .empty:
                state = .resolved(value)
                return nil
            case .awaited(let continuation):
                state = .resolved(value)
                return continuation
            case .resolved:
                return nil
            }
        }
        continuation?.resume(returning: value)
    }

    /// Waits for the value; only one task may, and its cancellation doesn't end the wait.
    nonisolated(nonsending) func value() async -> Value {
        await withCheckedContinuation { continuation in
            let value = state.withLock { state -> Value? in
                switch state {
                case .empty:
                    state = .awaited(continuation)
                    return nil
                case .awaited: preconditionFailure("two tasks wait for one promise")
                case .resolved(let value): return value
                }
            }
            if let value { continuation.resume(returning: value) }
        }
    }

    /// Waits for the value; if the task is cancelled before there is one, it is `fallback`.
    nonisolated(nonsending) func value(ifCancelled fallback: Value) async -> Value {
        await withTaskCancellationHandler {
            await value()
        } onCancel: {
            resolve(fallback)
        }
    }
}
