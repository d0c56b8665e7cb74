import Glibc
import PostgresWAL

/// Collects text for standard output and writes it in large pieces.
///
/// Formatting by hand, since a line a record adds up to millions of lines.
struct TextBuffer: ~Copyable {
    private var bytes: [UInt8] = []
    private static let flushedSize = 64 << 10

    init() { bytes.reserveCapacity(Self.flushedSize + 4096) }

    mutating func append(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    mutating func append(_ text: [UInt8]) {
        bytes += text
    }

    /// Appends a decimal number, with spaces in front of it up to `width` characters.
    mutating func append(_ value: some BinaryInteger, width: Int = 0) {
        appendPadded(String(value), width: width)
    }

    /// Appends text with spaces in front of it up to `width` characters.
    mutating func appendPadded(_ text: String, width: Int) {
        for _ in 0..<max(0, width - text.utf8.count) { bytes.append(UInt8(ascii: " ")) }
        append(text)
    }

    /// Appends text with spaces behind it up to `width` characters.
    mutating func append(_ text: String, filledTo width: Int) {
        append(text)
        for _ in 0..<max(0, width - text.utf8.count) { bytes.append(UInt8(ascii: " ")) }
    }

    /// Appends an LSN as pg_waldump prints it in its lines: the lower half with eight digits.
    mutating func append(longForm lsn: LSN) {
        append(String(lsn.rawValue >> 32, radix: 16, uppercase: true))
        append("/")
        let lower = String(lsn.rawValue & 0xFFFF_FFFF, radix: 16, uppercase: true)
        for _ in lower.utf8.count..<8 { bytes.append(UInt8(ascii: "0")) }
        append(lower)
    }

    /// Ends a line; writes what has gathered when it is much.
    mutating func endLine() throws {
        bytes.append(UInt8(ascii: "\n"))
        if bytes.count >= Self.flushedSize { try flush() }
    }

    /// Writes everything to standard output.
    mutating func flush() throws {
        try bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let count = write(STDOUT_FILENO, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    throw OutputError(message: String(cString: strerror(errno)))
                }
                rest = rest.dropFirst(count)
            }
        }
        bytes.removeAll(keepingCapacity: true)
    }
}

/// Standard output that takes no more.
struct OutputError: Error, CustomStringConvertible {
    let message: String
    var description: String { "can't write to standard output: \(message)" }
}
