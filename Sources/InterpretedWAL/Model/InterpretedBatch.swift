public import PostgresWAL

/// One message of the interpreted stream: the records that one chunk of WAL completed, as one shard needs them.
///
/// This is the form for tools, tests and cold paths. The receive path reads messages with ``InterpretedBatchParser``
/// instead, and the send path writes them straight into an ``OutputBuffer``.
///
/// Source: `wal-interpretation.md` §12 (InterpretedWalRecords).
public struct InterpretedBatch: Hashable, Sendable {
    /// The records in WAL order.
    public var records: [InterpretedRecord]
    /// Where the next record starts, past all WAL that this message covers.
    public var nextRecordLSN: LSN
    /// Where the WAL that this message was made of starts; unknown to the oldest senders.
    public var rawWALStartLSN: LSN?

    /// Makes a message of its parts.
    public init(records: [InterpretedRecord] = [], nextRecordLSN: LSN, rawWALStartLSN: LSN? = nil) {
        self.records = records
        self.nextRecordLSN = nextRecordLSN
        self.rawWALStartLSN = rawWALStartLSN
    }
}
