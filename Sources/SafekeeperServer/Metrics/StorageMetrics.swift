internal import CoreMetrics

/// The histograms of what timelines do on disk.
///
/// Source: `safekeeper-operations.md` §3.1.
struct StorageMetrics: StorageObserver {
    private let writeBytes: Recorder
    private let writeTime: Timer
    private let flushTime: Timer
    private let controlFileTime: Timer
    private let operationTimes: [SegmentOperation: Timer]

    init(factory: any MetricsFactory) {
        func timer(_ name: String, _ labels: [(String, String)] = []) -> Timer {
            Timer(label: "safekeeper_" + name, dimensions: labels, factory: factory)
        }
        writeBytes = Recorder(
            label: "safekeeper_write_wal_bytes",
            dimensions: [],
            aggregate: true,
            factory: factory
        )
        writeTime = timer("write_wal_seconds")
        flushTime = timer("flush_wal_seconds")
        controlFileTime = timer("persist_control_file_seconds")
        operationTimes = Dictionary(
            uniqueKeysWithValues: SegmentOperation.allCases.map { operation in
                (operation, timer("wal_storage_operation_seconds", [("operation", operation.rawValue)]))
            }
        )
    }

    func wrote(bytes: Int, in duration: Duration) {
        writeBytes.record(bytes)
        writeTime.recordNanoseconds(duration.nanoseconds)
    }

    func flushed(in duration: Duration) {
        flushTime.recordNanoseconds(duration.nanoseconds)
    }

    func storedControlFile(in duration: Duration) {
        controlFileTime.recordNanoseconds(duration.nanoseconds)
    }

    func finished(_ operation: SegmentOperation, in duration: Duration) {
        operationTimes[operation]?.recordNanoseconds(duration.nanoseconds)
    }
}

extension Duration {
    /// Whole nanoseconds; of more than 292 years the greatest number.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, isTooBig) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return isTooBig ? .max : product + attoseconds / 1_000_000_000
    }
}
