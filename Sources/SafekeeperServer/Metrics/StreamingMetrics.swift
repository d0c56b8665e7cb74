package import CoreMetrics

/// The metrics of those who are sent WAL.
///
/// Source: `safekeeper-operations.md` §3.1.
package struct StreamingMetrics: Sendable {
    /// Readers that decode for any number of shards.
    let sharedReaders: Meter
    /// Bytes of WAL that were decoded for shards; this safekeeper's own metric.
    let decodedBytes: Counter
    /// Reports of pageservers.
    let feedbacks: Counter
    /// Segments that were removed from this disk because nobody needs them any more.
    let removedSegments: Counter
    private let factory: any MetricsFactory

    package init(factory: any MetricsFactory) {
        self.factory = factory
        sharedReaders = Self.readers("task", "safekeeper", factory)
        decodedBytes = Counter(label: "safekeeper_interpreted_wal_decoded_bytes_total", factory: factory)
        removedSegments = Counter(label: "safekeeper_removed_wal_segments_total", factory: factory)
        feedbacks = Counter(label: "safekeeper_received_ps_feedbacks_total", factory: factory)
    }

    /// The readers that serve one connection each, of clients that call themselves so.
    func ownReaders(of applicationName: String?) -> Meter {
        Self.readers("future", applicationName ?? "unknown", factory)
    }

    private static func readers(_ kind: String, _ target: String, _ factory: any MetricsFactory) -> Meter {
        Meter(label: "safekeeper_wal_readers", dimensions: [("kind", kind), ("target", target)], factory: factory)
    }
}
