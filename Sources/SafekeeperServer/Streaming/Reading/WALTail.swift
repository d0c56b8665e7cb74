package import PostgresWAL
internal import Synchronization

/// A timeline's last WAL in memory, for readers near the end: written by the timeline's owner, read by anybody.
///
/// A lock is held for the time of a copy of a chunk at most, a hundred microseconds.
package final class WALTail: Sendable {
    /// The size of a timeline's tail unless chosen otherwise: 4 MiB.
    package static let standardCapacity = 4 << 20

    /// Made with the first byte, so that timelines at rest take no memory.
    private let ring: Mutex<WALRing?>
    private let capacity: Int

    /// Makes an empty tail for `capacity` bytes.
    package init(capacity: Int = WALTail.standardCapacity) {
        self.capacity = capacity
        ring = Mutex(nil)
    }

    /// Adds WAL that was just written; see ``WALRing/append(_:at:)``.
    package func append(_ bytes: RawSpan, at lsn: LSN) {
        ring.withLock { ring in
            if ring == nil { ring = WALRing(capacity: capacity) }
            ring?.append(bytes, at: lsn)
        }
    }

    /// Forgets the WAL from `lsn` on; see ``WALRing/truncate(to:)``.
    package func truncate(to lsn: LSN) {
        ring.withLock { $0?.truncate(to: lsn) }
    }

    /// Gives the memory back.
    package func removeAll() {
        ring.withLock { $0 = nil }
    }

    /// Copies WAL out; see ``WALRing/read(into:at:)``.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at lsn: LSN) -> Int? {
        ring.withLock { ring in
            switch ring {
            case .none: nil
            case .some(let ring): ring.read(into: buffer, at: lsn)
            }
        }
    }
}
