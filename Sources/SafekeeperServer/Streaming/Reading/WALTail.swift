package import PostgresWAL
internal import Synchronization

/// A timeline's last WAL in memory, for readers near the end: written by the timeline's owner, read by anybody.
///
/// It is kept while there are readers, so that a timeline nobody reads takes no memory, and its WAL is not copied. A lock
/// is held for the time of a copy of a chunk at most, a hundred microseconds.
package final class WALTail: Sendable {
    /// The size of a timeline's tail unless chosen otherwise: 4 MiB.
    package static let standardCapacity = 4 << 20

    private struct State: ~Copyable {
        var readers = 0
        /// Made with the first byte that is kept.
        var ring: WALRing?
    }

    private let state: Mutex<State>
    private let capacity: Int

    /// Makes an empty tail for `capacity` bytes.
    package init(capacity: Int = WALTail.standardCapacity) {
        self.capacity = capacity
        state = Mutex(State())
    }

    /// Adds WAL that was just written, if anybody reads; see ``WALRing/append(_:at:)``.
    package func append(_ bytes: RawSpan, at lsn: LSN) {
        state.withLock { state in
            guard state.readers > 0 else { return }
            if state.ring == nil { state.ring = WALRing(capacity: capacity) }
            state.ring?.append(bytes, at: lsn)
        }
    }

    /// Forgets the WAL from `lsn` on; see ``WALRing/truncate(to:)``.
    package func truncate(to lsn: LSN) {
        state.withLock { $0.ring?.truncate(to: lsn) }
    }

    /// Somebody who reads, as long as it lives.
    package final class Reader: Sendable {
        private let tail: WALTail

        package init(_ tail: WALTail) {
            self.tail = tail
            tail.state.withLock { $0.readers += 1 }
        }

        deinit {
            tail.state.withLock { state in
                state.readers -= 1
                if state.readers == 0 { state.ring = nil }
            }
        }

        /// Copies WAL out; see ``WALRing/read(into:at:)``.
        package func read(into buffer: UnsafeMutableRawBufferPointer, at lsn: LSN) -> Int? {
            tail.state.withLock { state in
                switch state.ring {
                case .none: nil
                case .some(let ring): ring.read(into: buffer, at: lsn)
                }
            }
        }
    }
}
