internal import Dispatch
internal import Glibc
package import Logging

/// What signals do: the first SIGTERM or SIGINT begins an orderly stop, which has a time limit; the second one, or SIGQUIT,
/// ends the process at once.
package final class SignalWatch {
    private let queue = DispatchQueue(label: "signals")
    private let sources: [any DispatchSourceSignal]

    /// - Parameters:
    ///   - program: its name, for messages.
    ///   - timeout: how long the stop may take.
    ///   - logger: where to tell what was received.
    ///   - stop: begins the stop.
    package init(program: String, timeout: Duration, logger: Logger, stop: @escaping @Sendable () -> Void) {
        let state = StopState()
        sources = [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT"), (SIGQUIT, "SIGQUIT")].map { [queue] number, name in
            // The signal's own effect would end the process before the source sees it.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                if state.isStopping || number == SIGQUIT { _exit(128 + number) }
                state.isStopping = true
                logger.info("received \(name), terminating")
                stop()
                let deadline = DispatchTime.now() + .nanoseconds(Int(clamping: timeout.nanoseconds))
                queue.asyncAfter(deadline: deadline) {
                    StandardError.tell("\(program): the stop takes longer than \(HumanDuration.text(timeout))")
                    _exit(1)
                }
            }
            source.resume()
            return source
        }
    }

    /// Watches no longer.
    package func end() {
        for source in sources { source.cancel() }
    }
}

/// Whether a stop was begun; only touched on the queue of the signals.
private final class StopState: @unchecked Sendable {
    var isStopping = false
}

extension Duration {
    /// The whole nanoseconds of a duration that a setting allows.
    fileprivate var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
