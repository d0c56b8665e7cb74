public import PostgresWAL

/// How the top level of a bincode message looks; the records inside have not changed.
///
/// Only ``current`` is written. The protobuf form needs no such thing.
///
/// Source: `wal-interpretation.md` §16.
public enum BincodeBatchVersion: Hashable, Sendable {
    /// Since #10858: records, next record LSN, optional start LSN.
    case current
    /// #9821 to #10858: records, optional next record LSN.
    case optionalNextRecordLSN
    /// #9746 to #9821: records only; the next record LSN comes from the message's header.
    case recordsOnly(nextRecordLSN: LSN)
}
