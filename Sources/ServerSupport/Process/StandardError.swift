internal import Glibc

/// Where a program says what keeps it from running.
package enum StandardError {
    /// Writes a line.
    package static func tell(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
