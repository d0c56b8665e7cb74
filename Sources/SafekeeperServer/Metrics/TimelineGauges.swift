internal import CoreMetrics
internal import PostgresWAL
internal import ReplicationProtocol
internal import ShardIdentity

/// The gauges of one timeline; they go with it.
///
/// Source: `safekeeper-operations.md` §3.2.
struct TimelineGauges: Sendable {
    private let commitLSN: Meter
    private let flushLSN: Meter
    private let backupLSN: Meter
    private let peerHorizonLSN: Meter
    private let remoteConsistentLSN: Meter
    private let termStartLSN: Meter
    private let term: Meter
    /// Proposers that are connected.
    let connectedComputes: Meter

    init(_ id: TenantTimelineID, factory: any MetricsFactory) {
        let labels = [("tenant_id", "\(id.tenant)"), ("timeline_id", "\(id.timeline)")]
        func meter(_ name: String) -> Meter {
            Meter(label: "safekeeper_" + name, dimensions: labels, factory: factory)
        }
        commitLSN = meter("commit_lsn")
        flushLSN = meter("flush_lsn")
        backupLSN = meter("backup_lsn")
        peerHorizonLSN = meter("peer_horizon_lsn")
        remoteConsistentLSN = meter("remote_consistent_lsn")
        termStartLSN = meter("epoch_start_lsn")
        term = meter("acceptor_term")
        connectedComputes = meter("connected_computes")
    }

    private var all: [Meter] {
        [
            commitLSN, flushLSN, backupLSN, peerHorizonLSN, remoteConsistentLSN, termStartLSN, term, connectedComputes,
        ]
    }

    /// Shows what has changed.
    func update(from old: TimelineSnapshot, to new: TimelineSnapshot) {
        func show(_ meter: Meter, _ field: KeyPath<TimelineSnapshot, LSN>) {
            if new[keyPath: field] != old[keyPath: field] { meter.set(new[keyPath: field].rawValue) }
        }
        show(commitLSN, \.commitLSN)
        show(flushLSN, \.flushLSN)
        show(backupLSN, \.backupLSN)
        show(peerHorizonLSN, \.peerHorizonLSN)
        show(remoteConsistentLSN, \.remoteConsistentLSN)
        show(termStartLSN, \.termStartLSN)
        if new.term != old.term { term.set(new.term.rawValue) }
    }

    /// Removes them.
    func destroy() {
        for meter in all { meter.destroy() }
    }
}
