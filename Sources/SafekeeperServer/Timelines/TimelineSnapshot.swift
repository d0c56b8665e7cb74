package import PostgresWAL
package import ReplicationProtocol

/// What others than its owner get to see of a timeline: plain values, all of one moment.
package struct TimelineSnapshot: Hashable, Sendable {
    /// The highest term that was voted for or accepted.
    package var term = Term.initial
    /// The term of the last WAL that is here.
    package var lastLogTerm = Term.initial
    /// Where the WAL of the proposer begins that has been elected last; invalid if none has since the start.
    package var termStartLSN = LSN.invalid
    /// The generation of the membership.
    package var generation = Generation.invalid
    /// The end of the bytes that were written; may be inside a record.
    package var writeLSN = LSN.invalid
    /// The end of the last record that is durable; invalid while there is none.
    package var flushLSN = LSN.invalid
    /// A record boundary up to which WAL is committed, and is here.
    package var commitLSN = LSN.invalid
    /// The commit LSN that is in the control file.
    package var persistedCommitLSN = LSN.invalid
    /// The end of the last whole segment that was offloaded.
    package var backupLSN = LSN.invalid
    /// The lowest LSN that some safekeeper may still need from the proposer.
    package var peerHorizonLSN = LSN.invalid
    /// Up to where pageservers have made data durable remotely.
    package var remoteConsistentLSN = LSN.invalid
    /// Where the timeline's WAL begins; invalid until known.
    package var timelineStartLSN = LSN.invalid
    /// Where this safekeeper's WAL begins; invalid until known.
    package var localStartLSN = LSN.invalid
    /// By how many bytes of WAL the control file is behind, in the value that is farthest ahead; nil if it has all.
    package var unsavedDistance: UInt64?

    /// A timeline that isn't loaded yet.
    package init() {}

    package init(of state: TimelineState) {
        let control = state.control
        let persisted = state.persisted
        let positions = state.positions
        term = control.term
        lastLogTerm = control.termHistory.lastLogTerm(at: max(positions.flushRecordLSN, control.timelineStartLSN))
        termStartLSN = state.leader?.start ?? .invalid
        generation = control.membership.generation
        writeLSN = positions.writeLSN
        flushLSN = positions.flushRecordLSN
        commitLSN = control.commitLSN
        persistedCommitLSN = persisted.commitLSN
        backupLSN = control.backupLSN
        peerHorizonLSN = control.peerHorizonLSN
        remoteConsistentLSN = control.remoteConsistentLSN
        timelineStartLSN = control.timelineStartLSN
        localStartLSN = control.localStartLSN
        guard control != persisted else { return }
        let pairs = [
            (control.commitLSN, persisted.commitLSN), (control.backupLSN, persisted.backupLSN),
            (control.peerHorizonLSN, persisted.peerHorizonLSN),
            (control.remoteConsistentLSN, persisted.remoteConsistentLSN),
        ]
        unsavedDistance = pairs.map { ahead, saved in ahead.distance(from: saved) ?? 0 }.max()
    }
}

/// Something to wait for at a timeline.
package enum TimelineCondition: Hashable, Sendable {
    /// WAL beyond a position is committed, or the term is no longer the one named.
    case committed(beyond: LSN, in: Term? = nil)
    /// WAL beyond a position is durable, or the term is no longer the one named.
    case flushed(beyond: LSN, in: Term? = nil)
    /// The control file is at least so many bytes of WAL behind.
    case unsaved(by: UInt64)

    /// Whether there is nothing more to wait for.
    package func isMet(by snapshot: TimelineSnapshot) -> Bool {
        switch self {
        case .committed(let lsn, let term): snapshot.commitLSN > lsn || snapshot.hasLeft(term)
        case .flushed(let lsn, let term): snapshot.flushLSN > lsn || snapshot.hasLeft(term)
        case .unsaved(let distance): snapshot.unsavedDistance.map { $0 >= distance } ?? false
        }
    }
}

extension TimelineSnapshot {
    /// Whether the term, or that of the last WAL, is another one; whoever reads what is not committed must stop then.
    fileprivate func hasLeft(_ wanted: Term?) -> Bool {
        guard let wanted else { return false }
        return term != wanted || lastLogTerm != wanted
    }
}
