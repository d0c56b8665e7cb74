import Ingest
import ShardIdentity
import Synchronization
import WalReceiver

/// A shard of a host pageserver: WAL goes in, pages come out.
final class HostedShard: WALSink {
    private let ingest: Mutex<ShardIngest>
    let reader: ShardReader
    let watch: PositionWatch

    init(_ shard: TimelineShard, in store: any VersionedStore) throws {
        let ingest = try ShardIngest(opening: store, as: shard)
        reader = ingest.reader
        watch = ingest.watch
        self.ingest = Mutex(ingest)
    }

    var positions: SinkPositions {
        let now = watch.positions
        return SinkPositions(lastRecord: now.lastRecordLSN, diskConsistent: now.diskConsistentLSN)
    }

    func ingest(message: RawSpan) throws(WALSinkError) {
        do throws(IngestError) {
            try ingest.withLock { (ingest) throws(IngestError) in try ingest.ingest(message: message) }
        } catch {
            throw WALSinkError(error.reason.isNoSpace ? .full : .failed, "\(error)")
        }
    }

    func flush() throws { try ingest.withLock { try $0.flush() } }
}

func host(_ shard: TimelineShard, _ store: any VersionedStore, _ safekeepers: [Safekeeper]) throws -> WALReceiver {
    let target = ReceiverTarget(
        tenant: shard.tenant,
        timeline: shard.timeline,
        identity: shard.identity,
        version: shard.version
    )
    return WALReceiver(target, safekeepers: safekeepers, sink: try HostedShard(shard, in: store))
}
