package import Ingest
internal import PostgresWAL
internal import Synchronization
package import WalReceiver

/// A shard as a receiver sees it: WAL goes into its ingest.
package final class IngestSink: WALSink {
    /// The shard.
    package let shard: TimelineShard
    /// Its positions.
    package let watch: PositionWatch
    /// Reads what it holds.
    package let reader: ShardReader
    private let reportsDiskAsRemote: Bool
    private let ingest: Mutex<ShardIngest>
    private let counted: Mutex<IngestStatistics>

    /// Opens a shard; blocks.
    ///
    /// - Parameters:
    ///   - store: its store.
    ///   - shard: what it is.
    ///   - options: see there.
    ///   - reportsDiskAsRemote: whether what is durable here is said to be safe for good.
    /// - Throws: `IngestError`.
    package init(
        opening store: any VersionedStore,
        as shard: TimelineShard,
        options: IngestOptions = IngestOptions(),
        reportsDiskAsRemote: Bool = false
    ) throws(IngestError) {
        let ingest = try ShardIngest(opening: store, as: shard, options: options)
        self.shard = shard
        self.reportsDiskAsRemote = reportsDiskAsRemote
        watch = ingest.watch
        reader = ingest.reader
        counted = Mutex(ingest.statistics)
        self.ingest = Mutex(ingest)
    }

    package var positions: SinkPositions {
        let positions = watch.positions
        return SinkPositions(
            lastRecord: positions.lastRecordLSN,
            diskConsistent: positions.diskConsistentLSN,
            remoteConsistent: reportsDiskAsRemote ? positions.diskConsistentLSN : .invalid,
            logicalSize: positions.logicalSize
        )
    }

    /// What was ingested, as of the last message.
    package var statistics: IngestStatistics { counted.withLock { $0 } }

    package func ingest(message: RawSpan) throws(WALSinkError) {
        do throws(IngestError) {
            // Nobody else ingests; a flush that ends waits for a message at most.
            try ingest.withLock { (ingest) throws(IngestError) in
                defer {
                    let statistics = ingest.statistics
                    counted.withLock { $0 = statistics }
                }
                try ingest.ingest(message: message)
            }
        } catch {
            throw WALSinkError(error)
        }
    }

    /// Makes durable what was ingested; blocks, while ingest goes on.
    ///
    /// - Throws: `IngestError`; ``SinkPositions/diskConsistent`` stays where it was.
    package func flush() throws(IngestError) {
        let flush = ingest.withLock { $0.startFlush() }
        let outcome: ShardFlush.Outcome
        do throws(StoreError) {
            outcome = try flush.run()
        } catch {
            throw IngestError(shard: shard, lsn: watch.positions.lastRecordLSN, .store(error))
        }
        try ingest.withLock { (ingest) throws(IngestError) in try ingest.finish(outcome) }
    }
}

extension WALSinkError {
    fileprivate init(_ error: IngestError) {
        let kind: Kind =
            switch error.reason {
            case .store(let error): error.isNoSpace ? .full : .failed
            // The message is at fault, not the shard.
            case .wire: .failed
            default: .rejected
            }
        self.init(kind, "\(error)")
    }
}
