import Glibc
import Synchronization

import class Foundation.Thread

/// What has to be undone however the demo ends: programs to kill, folders to remove.
///
/// SIGINT, SIGTERM and SIGHUP undo it and end the process with 128 and the signal's number.
final class Undoing: Sendable {
    private struct State {
        var actions: [@Sendable () -> Void] = []
        var isDone = false
    }

    private let state = Mutex(State())

    /// From here on signals come to a thread of its own; to be called before there are others.
    func watchSignals() {
        signal(SIGPIPE, SIG_IGN)
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        let wanted = signals
        let thread = Thread {
            var signals = wanted
            var number: Int32 = 0
            guard sigwait(&signals, &number) == 0 else { return }
            self.undo()
            _exit(128 + number)
        }
        thread.start()
    }

    /// Does something together with remembering how it is undone: a signal comes before both or after both.
    ///
    /// - Parameter body: what to do; gives the result and how to undo it.
    /// - Returns: the result.
    /// - Throws: what `body` throws, or ``DemoError`` if everything has been undone already.
    func remembering<Result>(_ body: () throws -> (Result, @Sendable () -> Void)) throws -> Result {
        try state.withLock { state in
            guard !state.isDone else { throw DemoError(description: "the demo is ending") }
            let (result, action) = try body()
            state.actions.append(action)
            return result
        }
    }

    /// Undoes everything, the last first; only once.
    func undo() {
        let actions = state.withLock { state in
            defer {
                state.isDone = true
                state.actions = []
            }
            return state.actions
        }
        for action in actions.reversed() { action() }
    }

    /// Waits for the process's end if a signal is about to end it.
    func waitIfInterrupted() {
        while state.withLock({ $0.isDone }) { pause() }
    }
}
