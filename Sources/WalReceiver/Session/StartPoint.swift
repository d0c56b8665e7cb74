public import PostgresWAL

/// Where a stream begins.
public enum StartPoint {
    /// The position to ask for behind the last record: the next one's first possible byte, behind a page header if one
    /// is there.
    ///
    /// Source: `replication-protocol.md` §6.1.
    ///
    /// - Parameters:
    ///   - last: the last record's LSN.
    ///   - segmentSize: the cluster's segment size; the protocol knows only the standard one.
    /// - Returns: the position; nil behind the last LSN.
    public static func position(behind last: LSN, segmentSize: WALSegmentSize = .standard) -> LSN? {
        guard last.rawValue <= UInt64.max - UInt64(WALPage.longHeaderSize) - 7 else { return nil }
        let aligned = last.recordAligned
        guard aligned.pageOffset == 0 else { return aligned }
        let isSegmentStart = segmentSize.isSegmentStart(aligned)
        return aligned + UInt64(isSegmentStart ? WALPage.longHeaderSize : WALPage.shortHeaderSize)
    }
}
