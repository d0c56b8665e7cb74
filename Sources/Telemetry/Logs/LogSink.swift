internal import Dispatch
internal import Glibc
internal import Synchronization

/// Writes lines to a file descriptor without making whoever logs wait.
///
/// Lines are written one by one by a queue of the sink's own, so that a pipe nobody reads, or a full disk, stops no
/// event loop. At most ``capacity`` bytes wait: a line that doesn't fit any more is dropped and counted, and the next
/// one that is written is preceded by how many were dropped.
package final class LogSink: Sendable {
    private struct Backlog {
        var bytes = 0
        var dropped: UInt64 = 0
    }

    /// Bytes that may wait.
    package static let capacity = 1 << 20

    private let descriptor: Int32
    private let queue = DispatchQueue(label: "log")
    private let backlog = Mutex(Backlog())

    /// Makes a sink; the descriptor stays the caller's and has to stay open.
    package init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Hands over one line, with its line break.
    package func write(_ line: String) {
        let bytes = Array(line.utf8)
        let dropped: UInt64? = backlog.withLock { backlog in
            guard backlog.bytes + bytes.count <= Self.capacity else {
                backlog.dropped += 1
                return nil
            }
            backlog.bytes += bytes.count
            defer { backlog.dropped = 0 }
            return backlog.dropped
        }
        guard let dropped else { return }
        queue.async { [self] in
            if dropped > 0 {
                writeAll(Array("\(dropped) log lines were dropped: nobody reads them fast enough\n".utf8))
            }
            writeAll(bytes)
            backlog.withLock { $0.bytes -= bytes.count }
        }
    }

    /// Waits until everything handed over is written; blocks, so only for the end of a process and for tests.
    package func flush() {
        queue.sync {}
    }

    /// A line that can't be written is lost: there is nobody to tell.
    private func writeAll(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let chunk = UnsafeRawBufferPointer(rebasing: rest)
                let count = Glibc.write(descriptor, chunk.baseAddress, chunk.count)
                if count < 0 && errno == EINTR { continue }
                if count <= 0 { return }
                rest = rest.dropFirst(count)
            }
        }
    }
}
