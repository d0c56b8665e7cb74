internal import Ingest
internal import PostgresWAL
internal import ShardIdentity
package import Telemetry
internal import WalReceiver

/// What a scrape says of the shards, with upstream's names.
///
/// Everything is looked up when it is asked for. Source: `ingest.md` §1.6.
package struct PageserverMetrics {
    private let shards: [ShardHost]

    package init(_ shards: [ShardHost]) {
        self.shards = shards
    }

    /// Writes all of it.
    package func collect(into exposition: inout MetricsExposition) {
        collectReceivers(&exposition)
        collectIngest(&exposition)
        collectShards(&exposition)
    }

    private func total(_ value: (ShardHost) -> UInt64) -> MetricValue {
        .integer(shards.reduce(0) { $0 &+ value($1) })
    }

    private func counter(
        _ exposition: inout MetricsExposition,
        _ name: String,
        _ help: String,
        _ value: (ShardHost) -> UInt64
    ) {
        exposition.metric("pageserver_" + name, .counter, help: help, total(value))
    }

    private func collectReceivers(_ exposition: inout MetricsExposition) {
        counter(&exposition, "walreceiver_started_connections_total", "Connections to safekeepers begun") {
            $0.receiver.status.statistics.startedConnections
        }
        exposition.metric(
            "pageserver_walreceiver_active_managers",
            .gauge,
            help: "Shards that look after a connection",
            .integer(UInt64(shards.count))
        )
        exposition.metric(
            "pageserver_walreceiver_switches_total",
            .counter,
            help: "Connections to safekeepers by the reason for which they were made"
        ) { samples in
            for reason in SwitchReason.allCases {
                samples.sample(
                    total { $0.receiver.status.switches[reason] ?? 0 },
                    labels: MetricLabels([("reason", reason.rawValue)])
                )
            }
        }
        exposition.metric(
            "pageserver_walreceiver_candidates_events_total",
            .counter,
            help: "Safekeepers that became known, and of which there was no more news"
        ) { samples in
            samples.sample(
                total { $0.receiver.status.candidatesAdded },
                labels: MetricLabels([("event", "add")])
            )
            samples.sample(
                total { $0.receiver.status.candidatesRemoved },
                labels: MetricLabels([("event", "remove")])
            )
        }
        let kind = MetricLabels([("pageserver_connection_kind", "wal_receiver")])
        exposition.metric("pageserver_live_connections_started", .counter, help: "Connections begun") {
            $0.sample(total { $0.receiver.status.statistics.startedConnections }, labels: kind)
        }
        exposition.metric("pageserver_live_connections_finished", .counter, help: "Connections ended") {
            $0.sample(total { $0.receiver.status.statistics.finishedConnections }, labels: kind)
        }
    }

    private func collectIngest(_ exposition: inout MetricsExposition) {
        counter(&exposition, "wal_ingest_bytes_received", "Bytes of WAL messages, as they came") {
            $0.receiver.status.statistics.payloadBytes
        }
        counter(&exposition, "wal_ingest_records_received", "Records in messages") {
            $0.receiver.status.statistics.records
        }
        counter(&exposition, "wal_ingest_records_observed", "Blocks that were only named to a shard") {
            $0.sink.statistics.observed
        }
        counter(&exposition, "wal_ingest_records_committed", "Records committed to stores") {
            $0.sink.statistics.records
        }
        counter(&exposition, "gap_blocks_zeroed_on_rel_extend", "Zero pages made for blocks that no record wrote") {
            $0.sink.statistics.gapBlocks
        }
        exposition.metric(
            "pageserver_wal_ingest_values_committed",
            .counter,
            help: "Values committed to stores, by class and kind"
        ) { samples in
            let values: [(String, String, KeyPath<IngestStatistics, UInt64>)] = [
                ("data", "image", \.images), ("data", "delta", \.deltas), ("metadata", "image", \.metadataValues),
            ]
            for (valueClass, kind, path) in values {
                samples.sample(
                    total { $0.sink.statistics[keyPath: path] },
                    labels: MetricLabels([("class", valueClass), ("kind", kind)])
                )
            }
        }
    }

    private func collectShards(_ exposition: inout MetricsExposition) {
        func each(
            _ name: String,
            _ kind: MetricKind,
            _ help: String,
            _ value: (ShardHost) -> MetricValue
        ) {
            exposition.metric(name, kind, help: help) { samples in
                for host in shards { samples.sample(value(host), labels: host.labels) }
            }
        }
        each("pageserver_timeline_wal_records_received", .counter, "Records in messages") {
            .integer($0.receiver.status.statistics.records)
        }
        each("pageserver_last_record_lsn", .gauge, "LSN of the last record ingested") {
            .integer($0.sink.watch.positions.lastRecordLSN.rawValue)
        }
        each("pageserver_disk_consistent_lsn", .gauge, "LSN up to which everything is durable on this disk") {
            .integer($0.sink.watch.positions.diskConsistentLSN.rawValue)
        }
        each("pageserver_current_logical_size", .gauge, "Size of all relations in bytes; on shard zero") {
            .integer($0.sink.watch.positions.logicalSize)
        }
        each("pageserver_wal_receive_lag_bytes", .gauge, "Committed WAL that is not ingested, as far as is known") {
            .integer($0.lag ?? 0)
        }
        each("pageserver_wal_ingest_paused", .gauge, "1 while a shard's store is full, and nothing is received") {
            .integer($0.receiver.status.connection?.isPaused == true ? 1 : 0)
        }
        each("pageserver_flush_failures_total", .counter, "Times that WAL could not be made durable") {
            .integer($0.flushCounters.failed)
        }
        each("pageserver_corruption_detected", .gauge, "1 if a gap, or WAL that can't be, has been seen") {
            .integer($0.receiver.status.corruptionDetected ? 1 : 0)
        }
    }
}

extension ShardHost {
    /// The labels of series for one shard.
    fileprivate var labels: MetricLabels {
        MetricLabels([
            ("tenant_id", "\(shard.tenant)"), ("shard_id", "\(shard.identity.index)"),
            ("timeline_id", "\(shard.timeline)"),
        ])
    }

    /// Committed WAL that is not ingested; nil if no safekeeper has said how much there is.
    var lag: UInt64? {
        guard let commit = receiver.status.connection?.commitLSN else { return nil }
        return commit.distance(from: sink.watch.positions.lastRecordLSN) ?? 0
    }
}
