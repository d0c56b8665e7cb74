package import ReplicationProtocol
internal import ShardIdentity

extension ControlFile {
    /// The whole contents as JSON, as tools and other safekeepers show them.
    ///
    /// Source: `safekeeper-operations.md` §1.3, persistent state.
    package var json: JSONValue {
        typealias Forms = JSONForms
        let eviction: JSONValue =
            switch eviction {
            case .present: .string("Present")
            case .offloaded(let flushLSN): Forms.object(["Offloaded": Forms.lsn(flushLSN)])
            }
        return Forms.object([
            "tenant_id": .string("\(tenantID)"),
            "timeline_id": .string("\(timelineID)"),
            "mconf": Forms.membership(membership),
            "acceptor_state": Forms.object([
                "term": Forms.number(term.rawValue), "term_history": Forms.history(termHistory),
            ]),
            "server": Forms.server(server),
            "proposer_uuid": .string("\(TenantID(bits: proposerID))"),
            "timeline_start_lsn": Forms.lsn(timelineStartLSN),
            "local_start_lsn": Forms.lsn(localStartLSN),
            "commit_lsn": Forms.lsn(commitLSN),
            "backup_lsn": Forms.lsn(backupLSN),
            "peer_horizon_lsn": Forms.lsn(peerHorizonLSN),
            "remote_consistent_lsn": Forms.lsn(remoteConsistentLSN),
            "partial_backup": Forms.object(["segments": .array(partialSegments.map(\.json))]),
            "eviction_state": eviction,
            "creation_ts": Forms.object([
                "secs_since_epoch": Forms.number(creation.seconds),
                "nanos_since_epoch": Forms.number(creation.nanoseconds),
            ]),
        ])
    }
}

extension ControlFile.PartialSegment {
    fileprivate var json: JSONValue {
        let status =
            switch status {
            case .inProgress: "InProgress"
            case .uploaded: "Uploaded"
            case .deleting: "Deleting"
            }
        return JSONForms.object([
            "status": .string(status),
            "name": .string(name),
            "commit_lsn": JSONForms.lsn(commitLSN),
            "flush_lsn": JSONForms.lsn(flushLSN),
            "term": JSONForms.number(lastLogTerm.rawValue),
        ])
    }
}
