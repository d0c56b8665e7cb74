import PostgresWAL

/// All that decoding a piece of WAL gives: compared whole, however the piece was cut.
struct DecodedStream: Hashable {
    struct Record: Hashable {
        var start: LSN
        var end: LSN
        var next: LSN
        /// Where the record's bytes are in ``DecodedStream/bytes``.
        var range: Range<Int>
    }

    var records: [Record] = []
    /// The bytes of all records, joined.
    var bytes: [UInt8] = []
    var error: WALDecodeError?
    var nextRecordStart: LSN = .invalid

    /// Decodes `bytes` in pieces of the sizes that `nextSize` gives.
    init(
        _ wal: [UInt8],
        version: PostgresMajorVersion = .v16,
        segmentSize: WALSegmentSize = .standard,
        startingAt start: LSN,
        nextSize: () -> Int = { Int.max }
    ) {
        do {
            var decoder = try WALStreamDecoder(version: version, segmentSize: segmentSize, startingAt: start)
            defer { nextRecordStart = decoder.nextRecordStart }
            var offset = 0
            while offset < wal.count {
                let size = min(nextSize(), wal.count - offset)
                try decode(wal.span.bytes.extracting(offset..<offset + size), with: &decoder)
                offset += size
            }
        } catch {
            self.error = error
        }
    }

    private mutating func decode(
        _ chunk: RawSpan,
        with decoder: inout WALStreamDecoder
    ) throws(WALDecodeError) {
        var input = chunk
        while let record = try decoder.next(&input) {
            let from = bytes.count
            record.bytes.withUnsafeBytes { bytes.append(contentsOf: $0) }
            records.append(
                Record(start: record.start, end: record.end, next: record.next, range: from..<bytes.count)
            )
        }
    }

    /// The bytes of one record.
    func bytes(of record: Record) -> [UInt8] {
        Array(bytes[record.range])
    }
}

extension WALStreamDecoder {
    /// Feeds bytes and gives the first record's bytes, if one is complete; what is left in `bytes` is not used.
    mutating func firstRecord(of bytes: [UInt8]) throws(WALDecodeError) -> [UInt8]? {
        var input = bytes.span.bytes
        guard let record = try next(&input) else { return nil }
        return record.bytes.array
    }
}

extension WALDecodeError {
    /// Message and place, as the reference decoder prints them.
    var referenceText: String { "\(reason) at \(lsn)" }
}
