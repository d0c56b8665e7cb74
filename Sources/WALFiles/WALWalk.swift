public import PostgresWAL

/// Walks over the records of a folder's WAL: reads, decodes, checks, parses.
public struct WALWalk: Sendable {
    /// The folder.
    public let directory: WALDirectory
    /// Records that start before this are passed over.
    public let start: LSN
    /// Records that start at or after this end the walk; nil to walk as far as there is WAL.
    public let end: LSN?
    /// Bytes read at once: a multiple of the WAL page size.
    public var chunkSize = WALFileReader.standardChunkSize

    /// Why a walk came to its end.
    public enum Ending: Hashable, Sendable {
        /// The end that was asked for.
        case reached(LSN)
        /// The end of what was ever written, and how that looks.
        case endOfWAL(LSN, WALDecodeError.Condition)
        /// A file ends in the middle of its segment.
        case endOfFile(LSN)
    }

    /// Plans a walk.
    ///
    /// - Parameters:
    ///   - directory: the folder.
    ///   - start: records that start before this are passed over; nil for the first record there is. It need not be a
    ///     record's start.
    ///   - end: where to stop; nil to walk as far as there is WAL.
    public init(directory: WALDirectory, start: LSN? = nil, end: LSN? = nil) {
        self.directory = directory
        self.start = start ?? directory.start
        self.end = end
    }

    /// Walks.
    ///
    /// - Parameters:
    ///   - body: is given each record with its fragments; both are valid only during the call. What it throws ends the
    ///     walk.
    ///   - afterChunk: is given the chunk of WAL whose records have all been handed out; what it throws ends the walk.
    /// - Returns: why the walk ended.
    /// - Throws: ``WALFileError``, `WALDecodeError` with the first bad record, or what `body` throws.
    public func run(
        _ body: (borrowing WALRecord, borrowing ParsedRecord) throws -> Void,
        afterChunk: (RawSpan) throws -> Void = { _ in }
    ) throws -> Ending {
        let stop = end ?? directory.end
        do {
            let first = try firstRecordStart()
            var reader = WALFileReader(directory: directory, startingAt: first, chunkSize: chunkSize)
            var decoder = try decoder(startingAt: first)
            var parsed = ParsedRecord(version: directory.version)
            // Past the end that was asked for, reading goes on only while a record that starts before it is open.
            while let chunk = try reader.next(before: reader.position < stop ? stop : directory.end) {
                var input = chunk
                while let record = try decoder.next(&input) {
                    if record.start >= stop { return ending(at: stop) }
                    try parsed.parse(record)
                    try body(record, parsed)
                }
                try afterChunk(chunk)
                if decoder.nextRecordStart >= stop { return ending(at: stop) }
            }
            return .endOfFile(decoder.nextRecordStart)
        } catch let error as WALDecodeError {
            return try ending(at: error)
        }
    }

    private func ending(at stop: LSN) -> Ending {
        end == nil ? .endOfFile(stop) : .reached(stop)
    }

    /// The start of the first record that starts at ``start`` or later: found from the start of its page on.
    private func firstRecordStart() throws -> LSN {
        var position = try directory.firstRecordStart(onPageOf: start)
        if position >= start { return position }
        var reader = WALFileReader(directory: directory, startingAt: position, chunkSize: WALPage.size)
        var decoder = try decoder(startingAt: position)
        while position < start, let chunk = try reader.next(before: directory.end) {
            var input = chunk
            while position < start, let record = try decoder.next(&input) {
                position = record.next
            }
        }
        return position
    }

    private func decoder(startingAt start: LSN) throws(WALDecodeError) -> WALStreamDecoder {
        try WALStreamDecoder(version: directory.version, segmentSize: directory.segmentSize, startingAt: start)
    }

    /// Tells the end of the WAL from a hole in it: behind the end no page is intact.
    private func ending(at error: WALDecodeError) throws -> Ending {
        if let end, error.lsn >= end { return .reached(end) }
        guard error.condition.isEndOfWAL else { throw error }
        let size = directory.segmentSize
        let lastLooked = min(size.segmentStart(of: error.lsn) + 2 * size.bytes, directory.end)
        var page = error.lsn.pageStart + UInt64(WALPage.size)
        while page < lastLooked {
            if try directory.intactPage(at: page) != nil {
                var damaged = error
                damaged.condition = .corrupt
                throw damaged
            }
            page += UInt64(WALPage.size)
        }
        return .endOfWAL(error.recordStart ?? error.lsn, error.condition)
    }
}
