package import PostgresWAL
package import ReplicationProtocol

/// Why WAL can't be read for a stream.
///
/// Source: `safekeeper-core.md` §4.7, `replication-protocol.md` §2.3, §4.10.
package enum WALReadError: Error, Hashable, Sendable {
    /// No WAL has ever been here.
    case uninitialized
    /// The start is before the segment in which the timeline begins.
    case beforeTimeline(requested: LSN, timelineStart: LSN)
    /// The WAL is not on this disk: not yet received, or removed.
    case notFound(LSN)
    /// The files can't be read.
    case store(WALStoreError)
    /// The WAL here is of another term than the client wants.
    case termChanged(requested: Term, current: Term)
    /// Another term has begun.
    case termLost(requested: Term, current: Term)
    /// The timeline is being deleted, or the stream has ended.
    case cancelled
}

extension WALReadError: CustomStringConvertible {
    /// The text for the client.
    package var description: String {
        switch self {
        case .uninitialized:
            "state uninitialized, no data to read"
        case .beforeTimeline(let requested, let start):
            "Requested streaming from \(requested), which is before the start of the timeline \(start), "
                + "and also doesn't start at the first segment of that timeline"
        case .notFound(let lsn):
            "WAL segment is not found: there is no WAL at \(lsn) on this safekeeper"
        case .store(let error):
            "\(error)"
        case .termChanged(let requested, let current):
            "term changed: requested \(requested), now \(current)"
        case .termLost(let requested, let current):
            "failed to acquire term \(requested), current term \(current)"
        case .cancelled:
            "reading WAL was cancelled"
        }
    }
}
