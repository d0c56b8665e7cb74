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
        ///
        /// A broken record with no page written behind it counts as torn: sessions insert side by side, so on the last
        /// page a record may be missing that stands before a whole one.
        case endOfWAL(LSN, WALDecodeError.Condition)
        /// The files end: one in the middle of its segment, or all that were written to at a segment's end.
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
    /// - Parameter body: is given each record with its fragments; both are valid only during the call. What it throws
    ///   ends the walk.
    /// - Returns: why the walk ended.
    /// - Throws: ``WALFileError``, `WALDecodeError` with the first bad record, or what `body` throws.
    public func run(_ body: (borrowing WALRecord, borrowing ParsedRecord) throws -> Void) throws -> Ending {
        let stop = end ?? directory.end
        let first = try directory.firstRecordStart(onPageOf: start)
        var reader = WALFileReader(directory: directory, startingAt: first, chunkSize: chunkSize)
        var decoder = try WALStreamDecoder(
            version: directory.version,
            segmentSize: directory.segmentSize,
            startingAt: first
        )
        var parsed = ParsedRecord(version: directory.version)
        do {
            // Files are read beyond `end`, which may lie inside a record that starts before it.
            while let chunk = try reader.next(before: directory.end) {
                var input = chunk
                while let record = try decoder.next(&input) {
                    if record.start >= stop { return .reached(stop) }
                    if record.start < start { continue }
                    try parsed.parse(record)
                    try body(record, parsed)
                }
                if decoder.nextRecordStart >= stop { return .reached(stop) }
            }
        } catch let error as WALDecodeError {
            return try ending(at: error)
        } catch let error as WALFileError {
            // Files for later segments may wait already: a server makes them ahead, and not in order.
            guard case .missingSegment(let lsn, _, _) = error, try !isAnySegmentWritten(behind: lsn) else {
                throw error
            }
        }
        return .endOfFile(decoder.nextRecordStart)
    }

    /// Tells the end of the WAL from a hole in it: behind the end no page is intact.
    private func ending(at error: WALDecodeError) throws -> Ending {
        if let end, error.lsn >= end { return .reached(end) }
        let nextPage = (error.lsn + UInt64(WALPage.size - 1)).pageStart
        guard error.condition.isEndOfWAL || error.isBrokenRecord, try !isAnyPageWritten(from: nextPage) else {
            var damaged = error
            damaged.condition = .corrupt
            throw damaged
        }
        return .endOfWAL(error.recordStart ?? error.lsn, error.condition.isEndOfWAL ? error.condition : .torn)
    }

    /// Whether a segment behind the one that holds `lsn` was written to, and is not just there for later.
    private func isAnySegmentWritten(behind lsn: LSN) throws(WALFileError) -> Bool {
        let number = directory.segmentSize.segmentNumber(of: lsn)
        for segment in directory.segments where segment.segmentNumber > number {
            guard let start = directory.segmentSize.start(ofSegment: segment.segmentNumber) else { continue }
            if try directory.intactPage(at: start) != nil { return true }
        }
        return false
    }

    /// Whether a page from `page` on was written, as far as the segment after the next.
    private func isAnyPageWritten(from page: LSN) throws(WALFileError) -> Bool {
        let size = directory.segmentSize
        let end = min(size.segmentStart(of: page) + 2 * size.bytes, directory.end)
        var page = page
        while page < end {
            if try directory.intactPage(at: page) != nil { return true }
            page += UInt64(WALPage.size)
        }
        return false
    }
}

extension WALDecodeError {
    /// Whether the pages are sound and the record on them isn't.
    fileprivate var isBrokenRecord: Bool {
        switch reason {
        case .recordLength, .recordTooLong, .checksum: true
        default: false
        }
    }
}
