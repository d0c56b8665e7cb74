package import PostgresWAL
package import ReplicationProtocol

/// How far a stream goes.
///
/// Source: `replication-protocol.md` §2.3, §4.10.
package enum WALExtent: Hashable, Sendable {
    /// To the end of committed WAL.
    case committed
    /// To the end of durable WAL, committed or not, as long as a term lasts.
    case flushed(Term)

    /// The end of the WAL.
    ///
    /// - Throws: ``WALReadError/termChanged(requested:current:)`` if the last WAL is of another term.
    package func end(in snapshot: TimelineSnapshot) throws(WALReadError) -> LSN {
        switch self {
        case .committed:
            return snapshot.commitLSN
        case .flushed(let term):
            guard snapshot.lastLogTerm == term else {
                throw .termChanged(requested: term, current: snapshot.lastLogTerm)
            }
            return snapshot.flushLSN
        }
    }

    /// That there is WAL beyond a position, or will never be.
    func condition(beyond position: LSN) -> TimelineCondition {
        switch self {
        case .committed: .committed(beyond: position)
        case .flushed(let term): .flushed(beyond: position, in: term)
        }
    }
}
