public import PostgresWAL

/// One WAL record after interpretation, filtered for one shard.
///
/// Source: `wal-interpretation.md` §1 and §12 (InterpretedWalRecord).
public struct InterpretedRecord: Hashable, Sendable {
    /// What the record says beyond page contents, if this shard has to know.
    public var metadata: MetadataRecord?
    /// The values of the blocks that the record touches.
    public var batch: SerializedValueBatch
    /// The LSN that everything in this record is stamped with: where the next record starts.
    public var nextRecordLSN: LSN
    /// Whether the receiver has to commit everything before this record first (a file-copy CREATE DATABASE).
    public var flushUncommitted: Bool
    /// The transaction ID of the record's header, 0 if it has none.
    public var xid: UInt32

    /// Makes a record of its parts.
    public init(
        metadata: MetadataRecord? = nil,
        batch: SerializedValueBatch = SerializedValueBatch(),
        nextRecordLSN: LSN,
        flushUncommitted: Bool = false,
        xid: UInt32
    ) {
        self.metadata = metadata
        self.batch = batch
        self.nextRecordLSN = nextRecordLSN
        self.flushUncommitted = flushUncommitted
        self.xid = xid
    }

    /// Whether the record tells the shard nothing but its position: senders keep such records for shard 0 only.
    public var isEmpty: Bool {
        metadata == nil && !flushUncommitted && batch.rawBytes.isEmpty && batch.metadata.isEmpty
    }

    /// Whether the record only names blocks that shard 0 counts and does not own.
    public var isObserved: Bool {
        metadata == nil && !flushUncommitted && batch.rawBytes.isEmpty && !batch.metadata.isEmpty
    }
}
