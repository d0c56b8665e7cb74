package import PostgresWAL
package import ReplicationProtocol
package import ShardIdentity

/// All that a safekeeper keeps of one timeline besides its WAL: the contents of `safekeeper.control`.
///
/// Source: `safekeeper-core.md` §2.2.
package struct ControlFile: Hashable, Sendable {
    /// The tenant.
    package var tenantID: TenantID
    /// The timeline.
    package var timelineID: TimelineID
    /// Which safekeepers hold the timeline.
    package var membership = MembershipConfiguration.none
    /// The highest term that was voted for or accepted.
    package var term = Term.initial
    /// Which term wrote the WAL from which position on.
    package var termHistory = TermHistory()
    /// The server that writes the WAL.
    package var server: Server
    /// The proposer, 16 bytes as a big-endian number; no longer updated.
    package var proposerID: UInt128 = 0
    /// Where the timeline's WAL begins; invalid until known.
    package var timelineStartLSN = LSN.invalid
    /// Where this safekeeper's own WAL begins; invalid until known.
    package var localStartLSN = LSN.invalid
    /// A record boundary up to which a quorum has the WAL.
    package var commitLSN = LSN.invalid
    /// The end of the last whole segment that was offloaded.
    package var backupLSN = LSN.invalid
    /// The lowest LSN that some safekeeper may still need from the proposer.
    package var peerHorizonLSN = LSN.invalid
    /// Up to where pageservers have made data durable remotely.
    package var remoteConsistentLSN = LSN.invalid
    /// Objects that hold, or may hold, a segment that isn't complete.
    package var partialSegments: [PartialSegment] = []
    /// Whether the segment that isn't complete is on this disk.
    package var eviction = Eviction.present
    /// When the timeline was made; the epoch if unknown.
    package var creation = Timestamp.epoch

    package init(tenantID: TenantID, timelineID: TimelineID, server: Server) {
        self.tenantID = tenantID
        self.timelineID = timelineID
        self.server = server
    }
}

extension ControlFile {
    /// What is known of the PostgreSQL server.
    package struct Server: Hashable, Sendable {
        /// Its version number: 150010 for 15.10.
        package var versionNumber: UInt32
        /// Its system identifier; 0 until a server said it.
        package var systemIdentifier: UInt64
        /// Bytes in a WAL segment.
        package var segmentSize: UInt32

        package init(versionNumber: UInt32, systemIdentifier: UInt64, segmentSize: UInt32) {
            self.versionNumber = versionNumber
            self.systemIdentifier = systemIdentifier
            self.segmentSize = segmentSize
        }
    }

    /// A remote object with a segment that isn't complete.
    package struct PartialSegment: Hashable, Sendable {
        /// How far its upload or removal is.
        package enum Status: UInt32, Hashable, Sendable, CaseIterable {
            case inProgress = 0
            case uploaded = 1
            case deleting = 2
        }

        /// How far its upload or removal is.
        package var status: Status
        /// The object's name.
        package var name: String
        /// The commit LSN at the upload.
        package var commitLSN: LSN
        /// The flushed LSN at the upload.
        package var flushLSN: LSN
        /// The term that wrote the WAL up to there.
        package var lastLogTerm: Term

        package init(status: Status, name: String, commitLSN: LSN, flushLSN: LSN, lastLogTerm: Term) {
            self.status = status
            self.name = name
            self.commitLSN = commitLSN
            self.flushLSN = flushLSN
            self.lastLogTerm = lastLogTerm
        }
    }

    /// Whether the segment that isn't complete is on this disk.
    package enum Eviction: Hashable, Sendable {
        /// It is.
        case present
        /// It is in remote storage only.
        case offloaded(flushLSN: LSN)
    }

    /// A point in time.
    package struct Timestamp: Hashable, Sendable {
        /// Whole seconds since 1970-01-01 00:00 UTC.
        package var seconds: UInt64
        /// The rest: 0 to 999,999,999.
        package var nanoseconds: UInt32

        package init(seconds: UInt64, nanoseconds: UInt32) {
            self.seconds = seconds
            self.nanoseconds = nanoseconds
        }

        /// 1970-01-01 00:00 UTC.
        package static let epoch = Timestamp(seconds: 0, nanoseconds: 0)
    }
}
