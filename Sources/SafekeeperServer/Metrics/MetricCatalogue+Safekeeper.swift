package import Telemetry

extension MetricCatalogue {
    /// What the metrics of a safekeeper mean, and how their values are distributed.
    ///
    /// Source: `safekeeper-operations.md` §3.1 to §3.3.
    package static let safekeeper = MetricCatalogue([
        "safekeeper_write_wal_bytes": Entry(
            "Bytes in one write of WAL",
            buckets: [1, 10, 100, 1024, 8192, 131_072, 1_048_576, 10_485_760]
        ),
        "safekeeper_write_wal_seconds": Entry("Time of one write of WAL"),
        "safekeeper_flush_wal_seconds": Entry("Time to make WAL durable, without the making of segments"),
        "safekeeper_persist_control_file_seconds": Entry("Time to store a control file"),
        "safekeeper_wal_storage_operation_seconds": Entry("Time of operations on segments"),
        "safekeeper_misc_operation_seconds": Entry("Time of other operations"),
        "safekeeper_pg_io_bytes_total": Entry("Bytes read and written on the ports for WAL"),
        "safekeeper_pg_queries_received_total": Entry("Commands received on the ports for WAL"),
        "safekeeper_pg_queries_finished_total": Entry("Commands finished on the ports for WAL"),
        "safekeeper_removed_wal_segments_total": Entry("Segments removed from this disk"),
        "safekeeper_received_ps_feedbacks_total": Entry("Reports of pageservers"),
        "safekeeper_manager_iterations_total": Entry("Turns of the managers of all timelines"),
        "safekeeper_manager_active_changes_total": Entry("Times that a timeline became active or ceased to be"),
        "safekeeper_wal_receivers": Entry("Proposers that are connected"),
        "safekeeper_wal_readers": Entry(
            "Readers of WAL: task for those that decode for shards, future for those of one connection"
        ),
        "safekeeper_interpreted_wal_decoded_bytes_total": Entry("Bytes of WAL that were decoded for shards"),
        "safekeeper_wal_receiver_queue_depth": Entry(
            "Messages that wait in the queue of a proposer, sampled every 5 s",
            buckets: [0, 1, 2, 4, 8, 16, 32, 64, 128, 255, 256]
        ),
        "safekeeper_wal_receiver_queue_depth_total": Entry("Messages that wait in the queues of all proposers"),
        "safekeeper_wal_receiver_queue_size_total": Entry("Bytes that wait in the queues of all proposers"),
        "safekeeper_proposer_acceptor_messages_total": Entry("Messages of proposers that were taken or refused"),
        "safekeeper_wal_disk_io_errors": Entry("Errors of the disk, for WAL and control files"),
        "safekeeper_timelines": Entry("Timelines that are loaded"),
        "safekeeper_commit_lsn": perTimeline("Position up to which WAL is committed"),
        "safekeeper_flush_lsn": perTimeline("Position up to which WAL is durable here"),
        "safekeeper_backup_lsn": perTimeline("End of the last whole segment that was offloaded"),
        "safekeeper_peer_horizon_lsn": perTimeline("Lowest position that some safekeeper may still need"),
        "safekeeper_remote_consistent_lsn": perTimeline("Position up to which pageservers have made data durable"),
        "safekeeper_epoch_start_lsn": perTimeline("Position at which the elected proposer began"),
        "safekeeper_acceptor_term": perTimeline("Highest term voted for or accepted"),
        "safekeeper_connected_computes": perTimeline("Proposers that are connected to the timeline"),
        "libmetrics_metric_handler_requests_total": Entry("Times that metrics were asked for"),
        "libmetrics_tracing_event_count": Entry("Events logged, by level"),
    ])

    /// A metric with a series for each timeline: as many as there are, since no client chooses their labels.
    private static func perTimeline(_ help: String) -> Entry {
        Entry(help, maximumSeries: 1_000_000)
    }
}
