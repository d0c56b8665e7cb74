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
        /// The last record there is was damaged or was written only in part, and nothing is behind it.
        ///
        /// PostgreSQL takes that for the end of the WAL too, as it can't tell one from the other.
        case brokenRecord(LSN)
        /// There are no more files, or the last one ends between two records.
        case endOfFile(LSN)

        /// Where the walk ended.
        public var lsn: LSN {
            switch self {
            case .reached(let lsn), .endOfWAL(let lsn, _), .brokenRecord(let lsn), .endOfFile(let lsn): lsn
            }
        }
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
        let first = try firstRecordStart()
        var reader = WALFileReader(directory: directory, startingAt: first, chunkSize: chunkSize)
        var decoder = try decoder(startingAt: first)
        do {
            var parsed = ParsedRecord(version: directory.version)
            while true {
                let chunkStart = reader.position
                // Past the end that was asked for, reading goes on only while a record that starts before it is open.
                guard let chunk = try reader.next(before: chunkStart < stop ? stop : directory.end) else { break }
                var input = chunk
                var outcome: Ending?
                do {
                    while let record = try decoder.next(&input) {
                        if record.start >= stop {
                            outcome = ending(at: stop)
                            break
                        }
                        try parsed.parse(record)
                        try body(record, parsed)
                    }
                } catch let error as WALDecodeError {
                    outcome = try ending(at: error)
                }
                // Of a chunk that the WAL ends in, only what was written counts.
                let written = outcome.map { $0.lsn.distance(from: chunkStart) ?? 0 } ?? UInt64(chunk.byteCount)
                try afterChunk(chunk.extracting(first: min(Int(clamping: written), chunk.byteCount)))
                if let outcome { return outcome }
                if decoder.nextRecordStart >= stop { return ending(at: stop) }
            }
        } catch let error as WALFileError {
            // Files for later segments may wait already: a server makes them ahead, and not in order.
            guard case .missingSegment(let lsn, _, _) = error, try !isAnySegmentWritten(behind: lsn) else {
                throw error
            }
        }
        // Inside a segment a file should not end at all. With WAL behind it, it was cut short; that the last one ends
        // inside a record is damage or a write cut short.
        if !directory.segmentSize.isSegmentStart(decoder.position), try isAnySegmentWritten(behind: decoder.position) {
            throw directory.shortSegment(endingAt: decoder.position)
        }
        let isCutRecord =
            decoder.nextRecordStart < decoder.position && !directory.segmentSize.isSegmentStart(decoder.position)
        return isCutRecord ? .brokenRecord(decoder.nextRecordStart) : .endOfFile(decoder.nextRecordStart)
    }

    private func ending(at stop: LSN) -> Ending {
        end == nil ? .endOfFile(stop) : .reached(stop)
    }

    /// The start of the first record that starts at ``start`` or later, where the walk begins to read.
    ///
    /// - Returns: the LSN of the record's first byte, or where the WAL before it ends.
    /// - Throws: ``WALFileError``, or `WALDecodeError` if the WAL ends before ``start``.
    public func firstRecordStart() throws -> LSN {
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
        if let end, (error.recordStart ?? error.lsn) >= end { return .reached(end) }
        let nextPage = (error.lsn + UInt64(WALPage.size - 1)).pageStart
        guard error.condition.isEndOfWAL || error.isBrokenRecord, try !isAnyPageWritten(from: nextPage) else {
            var damaged = error
            damaged.condition = .corrupt
            throw damaged
        }
        let end = error.recordStart ?? error.lsn
        let isUnwritten = error.condition == .zeroed || error.condition == .stale
        return isUnwritten || !error.isBrokenRecord ? .endOfWAL(end, error.condition) : .brokenRecord(end)
    }

    /// Whether a segment behind the one that holds `lsn` was written to, and is not just there for later.
    private func isAnySegmentWritten(behind lsn: LSN) throws(WALFileError) -> Bool {
        let number = directory.segmentSize.segmentNumber(of: lsn)
        for segment in directory.segments where segment.segmentNumber > number {
            guard let start = directory.segmentSize.start(ofSegment: segment.segmentNumber) else { continue }
            if try directory.firstIntactPage(from: start, before: start + UInt64(WALPage.size)) != nil { return true }
        }
        return false
    }

    /// Whether a page from `page` on was written, as far as the segment after the next.
    private func isAnyPageWritten(from page: LSN) throws(WALFileError) -> Bool {
        let size = directory.segmentSize
        let next = size.segmentStart(of: page) + size.bytes
        if try directory.firstIntactPage(from: page, before: next) != nil { return true }
        return try directory.firstIntactPage(from: next, before: next + size.bytes) != nil
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
