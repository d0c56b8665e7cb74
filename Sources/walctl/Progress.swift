import Glibc
import PostgresWAL

/// A status line on standard error for work over a long range of WAL; silent where standard error is not a terminal.
struct Progress: ~Copyable {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let start: LSN
    private let end: LSN
    private let clock = ContinuousClock()
    private let began: ContinuousClock.Instant
    private var lastShown: ContinuousClock.Instant
    private var count = 0
    private var hasShown = false

    /// Work from `start` to `end`.
    init(from start: LSN, to end: LSN) {
        self.start = start
        self.end = end
        began = clock.now
        lastShown = began
    }

    /// Takes note of another record; shows the line about five times a second, first after a second.
    mutating func advance(to lsn: LSN) {
        guard isTerminal else { return }
        count += 1
        guard count & 0x3FF == 0 else { return }
        let now = clock.now
        guard now - began > .seconds(1), now - lastShown > .milliseconds(200) else { return }
        lastShown = now
        hasShown = true
        let done = Double(lsn.distance(from: start) ?? 0)
        let whole = max(Double(end.distance(from: start) ?? 0), 1)
        let seconds = (now - began) / .seconds(1)
        let percent = Int(min(done / whole, 1) * 100)
        printToStandardError(
            "\r\u{1B}[K\(lsn)  \(percent) %  \(count) records  \(Int(done / seconds / 1e6)) MB/s",
            terminator: ""
        )
    }

    /// Takes the line away.
    mutating func finish() {
        if hasShown { printToStandardError("\r\u{1B}[K", terminator: "") }
        hasShown = false
    }
}
