package import CoreMetrics

/// The metrics of one safekeeper around its timelines.
///
/// All go to the factory that it was made with, so that two safekeepers in one process don't share any. Times are in
/// seconds; histograms are recorders and timers of swift-metrics, gauges its meters.
///
/// Source: `safekeeper-operations.md` §3.1.
package struct SafekeeperMetrics: Sendable {
    /// Proposers that are connected.
    let receivers: Meter
    /// Messages in a receiver's queue, sampled.
    let receiverQueueDepth: Recorder
    /// Messages in the queues of all receivers.
    let receiverQueueDepthTotal: Meter
    /// Bytes in the queues of all receivers.
    let receiverQueueSizeTotal: Meter
    /// Messages of proposers that were taken.
    let messagesTaken: Counter
    /// Messages of proposers that were refused.
    let messagesRefused: Counter
    /// Errors of the disk.
    let diskErrors: Counter
    /// The time that it takes to make a timeline ready for an elected proposer.
    let electedTime: Timer
    /// Times that a timeline's manager looked at it.
    let managerIterations: Counter
    /// Timelines that are loaded.
    let timelines: Meter
    /// What timelines do on disk.
    let storage: StorageMetrics
    /// What those who are sent WAL do.
    let streaming: StreamingMetrics
    let factory: any MetricsFactory

    package init(factory: any MetricsFactory) {
        self.factory = factory
        func meter(_ name: String) -> Meter { Meter(label: "safekeeper_" + name, factory: factory) }
        func counter(_ name: String, _ labels: [(String, String)] = []) -> Counter {
            Counter(label: "safekeeper_" + name, dimensions: labels, factory: factory)
        }
        receivers = meter("wal_receivers")
        receiverQueueDepth = Recorder(
            label: "safekeeper_wal_receiver_queue_depth",
            dimensions: [],
            aggregate: true,
            factory: factory
        )
        receiverQueueDepthTotal = meter("wal_receiver_queue_depth_total")
        receiverQueueSizeTotal = meter("wal_receiver_queue_size_total")
        messagesTaken = counter("proposer_acceptor_messages_total", [("outcome", "success")])
        messagesRefused = counter("proposer_acceptor_messages_total", [("outcome", "error")])
        diskErrors = counter("wal_disk_io_errors")
        electedTime = Timer(
            label: "safekeeper_misc_operation_seconds",
            dimensions: [("operation", "handle_elected")],
            factory: factory
        )
        managerIterations = counter("manager_iterations_total")
        timelines = meter("timelines")
        storage = StorageMetrics(factory: factory)
        streaming = StreamingMetrics(factory: factory)
    }
}
