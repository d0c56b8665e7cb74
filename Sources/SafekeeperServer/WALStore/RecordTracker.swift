internal import PostgresWAL

/// Follows a stream of WAL and says where its records end.
struct RecordTracker: ~Copyable {
    private var decoder: WALStreamDecoder

    init(
        version: PostgresMajorVersion,
        segmentSize: WALSegmentSize,
        startingAt start: LSN
    ) throws(WALDecodeError) {
        decoder = try WALStreamDecoder(version: version, segmentSize: segmentSize, startingAt: start)
    }

    /// Begins anew at a record's start.
    mutating func reset(to start: LSN) throws(WALDecodeError) {
        try decoder.reset(to: start)
    }

    /// Takes the bytes that follow those taken before.
    ///
    /// - Parameters:
    ///   - bytes: the WAL.
    ///   - recordEnd: is set to where the next record starts, for each record that is whole and sound.
    /// - Throws: what is wrong with the WAL; nothing more can be taken until a reset.
    mutating func take(_ bytes: RawSpan, recordEnd: inout LSN) throws(WALDecodeError) {
        var rest = bytes
        while let next = try decoder.nextBoundary(&rest) { recordEnd = next }
    }
}
