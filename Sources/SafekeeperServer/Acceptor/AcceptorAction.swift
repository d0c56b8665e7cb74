package import PostgresWAL
package import ReplicationProtocol

/// Something the acceptor wants done before it goes on.
package enum AcceptorAction: Hashable, Sendable {
    /// Make all whole records durable.
    case flush
    /// Store this as the control file.
    case persist(ControlFile)
    /// Put the server's system identifier, which was unknown until now, into the first segment.
    case adoptSystemIdentifier(UInt64, localStart: LSN)
    /// Make the first segment of a timeline whose WAL begins at `start`.
    case initializeFirstSegment(start: LSN, systemIdentifier: UInt64)
    /// Cut the WAL and make it ready to be written from there.
    case truncate(to: LSN)
    /// Write the WAL of the request that is being processed.
    case write(at: LSN)
    /// Keep these in memory; they are stored some time later.
    case advance(commit: LSN, peerHorizon: LSN)
    /// Answer.
    case reply(AcceptorMessage)
}

/// What the acceptor has to know of its storage.
package struct AcceptorView: Hashable, Sendable {
    /// The control file, with the values that run ahead of what is on disk.
    package var control: ControlFile
    /// The commit position that is on disk.
    package var persistedCommitLSN: LSN
    /// How far the WAL has got.
    package var positions: WALPositions

    package init(control: ControlFile, persistedCommitLSN: LSN, positions: WALPositions) {
        self.control = control
        self.persistedCommitLSN = persistedCommitLSN
        self.positions = positions
    }

    /// The end of the WAL for all decisions: that of the durable records, or the timeline's start before there are any.
    ///
    /// Source: `safekeeper-core.md` §3.1.
    package var flushLSN: LSN { max(positions.flushRecordLSN, control.timelineStartLSN) }
}
