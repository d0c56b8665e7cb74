public import PostgresWAL

/// A folder of WAL segment files of one cluster: `pg_wal`, an archive, or what `pg_receivewal` wrote.
///
/// The version and the segment size are read from the files. A `.partial` segment stands in for its complete form where
/// both are there: it is the one still written to.
///
/// Source: `wal-decoding.md` §9.
public struct WALDirectory: Sendable {
    /// The folder.
    public let path: String
    /// The version whose WAL this is.
    public let version: PostgresMajorVersion
    /// The segment size.
    public let segmentSize: WALSegmentSize
    /// The timeline of the segments below.
    public let timelineID: UInt32
    /// The segments, in the order of their numbers.
    public let segments: [WALFileName]
    /// The cluster's system identifier, as the first segment gives it.
    public let systemIdentifier: UInt64

    /// Looks through a folder.
    ///
    /// - Parameters:
    ///   - path: the folder.
    ///   - timelineID: whose segments to take; nil if there is only one timeline.
    /// - Throws: ``WALFileError`` if there is nothing to read, or too much to choose from.
    public init(path: String, timelineID: UInt32? = nil) throws(WALFileError) {
        // Any segment size reads the timeline of a name; the numbers wait for the size in a long header.
        let names = try fileNames(in: path)
        let loose = names.compactMap { name in
            WALFileName(name, segmentSize: .smallest).map { (timelineID: $0.timelineID, name: name) }
        }
        let timelines = Set(loose.map(\.timelineID)).sorted()
        guard let first = timelines.first, timelineID.map(timelines.contains) ?? true else {
            throw .noSegments(path: path)
        }
        if timelineID == nil && timelines.count > 1 {
            throw .severalTimelines(path: path, timelineIDs: timelines)
        }
        let chosen = timelineID ?? first
        let ownNames = loose.filter { $0.timelineID == chosen }.map(\.name).sorted()
        let header = try Self.longHeader(of: path + "/" + ownNames[0])
        self.path = path
        self.timelineID = chosen
        version = header.version
        segmentSize = header.segmentSize
        systemIdentifier = header.systemIdentifier
        segments = Self.ordered(ownNames, segmentSize: header.segmentSize)
    }

    private static func ordered(_ names: [String], segmentSize: WALSegmentSize) -> [WALFileName] {
        var byNumber: [UInt64: WALFileName] = [:]
        for name in names.compactMap({ WALFileName($0, segmentSize: segmentSize) }) {
            if byNumber[name.segmentNumber] == nil || name.isPartial { byNumber[name.segmentNumber] = name }
        }
        return byNumber.values.sorted { $0.segmentNumber < $1.segmentNumber }
    }

    /// The file that holds the byte at `lsn`; nil if there is none.
    public func segment(holding lsn: LSN) -> WALFileName? {
        let number = segmentSize.segmentNumber(of: lsn)
        return segments.first { $0.segmentNumber == number }
    }

    /// The start of the first segment's first byte.
    public var start: LSN {
        segments.first.flatMap { segmentSize.start(ofSegment: $0.segmentNumber) } ?? .invalid
    }

    /// Where the last segment ends, written or not.
    public var end: LSN {
        segments.last.flatMap { segmentSize.start(ofSegment: $0.segmentNumber + 1) } ?? LSN(.max)
    }

    /// The error for a segment file that ends at `lsn` although WAL follows in later ones.
    func shortSegment(endingAt lsn: LSN) -> WALFileError {
        .shortSegment(path: segment(holding: lsn).map(path(of:)) ?? path, lsn: lsn)
    }

    /// The path of one of the folder's files.
    public func path(of segment: WALFileName) -> String {
        path + "/" + segment.description
    }
}

// MARK: - What the pages say

extension WALDirectory {
    private static func longHeader(
        of path: String
    ) throws(WALFileError) -> (version: PostgresMajorVersion, segmentSize: WALSegmentSize, systemIdentifier: UInt64) {
        let file = try FileDescriptor(reading: path)
        guard let header = try file.pageHeader(at: 0) else {
            throw .notASegment(path: path, reason: "it ends inside its first page's header")
        }
        guard let version = PostgresMajorVersion(pageMagic: header.magic) else {
            throw .notASegment(path: path, reason: "its magic number is \(header.magic)")
        }
        guard let long = header.long else {
            throw .notASegment(path: path, reason: "its first page has a short header")
        }
        guard let segmentSize = WALSegmentSize(bytes: UInt64(long.segmentSize)) else {
            throw .notASegment(path: path, reason: "its header gives a segment size of \(long.segmentSize)")
        }
        return (version, segmentSize, long.systemIdentifier)
    }

    /// The header of the first page of a segment, from `page` on and before `end`, that was written; nil if none was.
    func firstIntactPage(from page: LSN, before end: LSN) throws(WALFileError) -> WALPageHeader? {
        guard let segment = segment(holding: page) else { return nil }
        let file = try FileDescriptor(reading: path(of: segment))
        var page = page
        while page < end, let header = try file.pageHeader(at: Int(segmentSize.offset(of: page))) {
            if header.magic == version.pageMagic && header.pageAddress == page { return header }
            page += UInt64(WALPage.size)
        }
        return nil
    }

    /// The start of the first record that begins on the page of `lsn` or after it.
    ///
    /// A page often begins with the rest of a record from the page before; that is passed over.
    ///
    /// - Parameter lsn: a position in the folder's WAL.
    /// - Returns: the LSN of the record's first byte, behind the page's header.
    /// - Throws: ``WALFileError`` if the page was never written or no record begins up to the end of the files.
    public func firstRecordStart(onPageOf lsn: LSN) throws(WALFileError) -> LSN {
        var page = lsn.pageStart
        while page < end {
            let next = page + UInt64(WALPage.size)
            guard let header = try firstIntactPage(from: page, before: next) else { break }
            let isContinued = header.flags & WALPageHeader.Flag.firstIsContinuation != 0
            let headerSize = header.long == nil ? WALPage.shortHeaderSize : WALPage.longHeaderSize
            let rest = isContinued ? Int(header.remainingLength) : 0
            // A record needs eight bytes of the page at least, the others may be on the next.
            if headerSize + rest <= WALPage.size - 8 { return (page + UInt64(headerSize + rest)).recordAligned }
            page = next
        }
        throw .noRecord(path: path, lsn: lsn)
    }
}

extension WALSegmentSize {
    fileprivate static let smallest = WALSegmentSize(bytes: 1 << 20) ?? .standard
}
