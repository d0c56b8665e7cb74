import Glibc
import Synchronization

/// Standard output: lines, and on a terminal a few lines at the end that change in place.
final class Console: Sendable {
    /// Whether somebody looks on, and lines may be changed.
    let isTerminal: Bool
    private let changingLines = Mutex(0)

    /// - Parameter isPlain: whether lines are never changed, terminal or not.
    init(isPlain: Bool) {
        isTerminal = !isPlain && isatty(STDOUT_FILENO) == 1
    }

    /// Adds a line that stays.
    func say(_ line: String) {
        changingLines.withLock { count in
            Self.write(Self.clear(count) + line + "\n")
            count = 0
        }
    }

    /// Shows lines in place of those shown before.
    func show(_ lines: [String]) {
        changingLines.withLock { count in
            // Longer lines would wrap, and the way back up would no longer be right.
            let width = Self.width
            let cut = lines.map { $0.count > width ? String($0.prefix(max(width - 1, 1))) + "…" : $0 }
            Self.write(Self.clear(count) + cut.map { $0 + "\n" }.joined())
            count = cut.count
        }
    }

    /// Has the last lines shown stay.
    func keep() {
        changingLines.withLock { $0 = 0 }
    }

    private static func clear(_ count: Int) -> String {
        count == 0 ? "" : "\u{1B}[\(count)A\u{1B}[J"
    }

    private static var width: Int {
        var size = winsize()
        return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : 100
    }

    /// Writes to standard output; whoever reads it may be gone, the demo goes on all the same.
    private static func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { return }
            bytes = bytes.dropFirst(max(count, 0))
        }
    }
}
