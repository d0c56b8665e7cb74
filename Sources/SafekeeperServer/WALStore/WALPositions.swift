package import PostgresWAL

/// How far a WAL store has got: four positions that are not to be confused.
///
/// ```
/// flushRecordLSN <= writeRecordLSN,  flushLSN <= writeLSN
/// writeRecordLSN <= end of what writeLSN implies,  flushRecordLSN <= end of what flushLSN implies
/// ```
/// The record positions are where the next record starts. So they may lie behind the bytes' positions: by the padding of
/// up to 7 bytes, and after a segment switch by the rest of the segment. All are invalid while there is no WAL.
///
/// Source: `safekeeper-core.md` §3.1.
package struct WALPositions: Hashable, Sendable {
    /// The end of the bytes written to files; may be inside a record.
    package var writeLSN: LSN
    /// The end of the last whole record that was written.
    package var writeRecordLSN: LSN
    /// The end of the bytes that are durable; may be inside a record.
    package var flushLSN: LSN
    /// The end of the last whole record that is durable: what the rest of the system calls the flushed LSN.
    package var flushRecordLSN: LSN

    /// All four at one place.
    package init(allAt lsn: LSN) {
        writeLSN = lsn
        writeRecordLSN = lsn
        flushLSN = lsn
        flushRecordLSN = lsn
    }

    /// Whether the inequalities hold.
    package func areConsistent(segmentSize: WALSegmentSize) -> Bool {
        flushLSN <= writeLSN && flushRecordLSN <= writeRecordLSN
            && Self.isPossible(record: writeRecordLSN, bytes: writeLSN, segmentSize)
            && Self.isPossible(record: flushRecordLSN, bytes: flushLSN, segmentSize)
    }

    private static func isPossible(record: LSN, bytes: LSN, _ segmentSize: WALSegmentSize) -> Bool {
        if record <= bytes.recordAligned { return true }
        return segmentSize.isSegmentStart(record) && record.rawValue - bytes.rawValue < segmentSize.bytes
    }
}
