private import CChecksum

/// Writes WAL that PostgreSQL accepts: for tests and benches.
///
/// Each element is one record as it goes into the log, with the page headers in front of it and inside it, and the
/// padding behind it: the elements' bytes, joined, are the WAL from the start LSN on. After a segment switch the rest
/// of the segment is part of that element.
public struct WALGenerator<Source: WALRecordSource>: Sequence, IteratorProtocol {
    /// One record in the log.
    public struct Element: Sendable {
        /// The bytes from where the element before ended.
        public let bytes: [UInt8]
        /// The LSN of the record's first byte.
        public let start: LSN
        /// The LSN just past its last byte, padding not included.
        public let end: LSN
        /// Where the next record may start; `bytes` reach up to here.
        public let next: LSN
    }

    /// The version whose pages are written.
    public let version: PostgresMajorVersion
    /// The segment size.
    public let segmentSize: WALSegmentSize
    /// The timeline in page headers.
    public let timelineID: UInt32
    /// The system identifier in long headers.
    public let systemIdentifier: UInt64
    /// Where the next element begins.
    public private(set) var position: LSN
    /// The start of the record before, for the link in the next record's header.
    public private(set) var previous: LSN
    private var source: Source

    /// Makes a generator.
    ///
    /// - Parameters:
    ///   - source: where the records come from.
    ///   - version: the version whose pages are written.
    ///   - segmentSize: the segment size.
    ///   - timelineID: the timeline in page headers.
    ///   - systemIdentifier: the system identifier in long headers.
    ///   - start: where the first element begins: on a page's start, or a multiple of 8 behind a page's header.
    ///   - previous: the start of the record before that.
    /// - Throws: `startPosition` if no record can start there.
    public init(
        _ source: Source,
        version: PostgresMajorVersion,
        segmentSize: WALSegmentSize = .standard,
        timelineID: UInt32 = 1,
        systemIdentifier: UInt64 = 0,
        startingAt start: LSN,
        previous: LSN = .invalid
    ) throws(WALDecodeError) {
        try WALStreamDecoder.check(start: start, segmentSize: segmentSize)
        self.source = source
        self.version = version
        self.segmentSize = segmentSize
        self.timelineID = timelineID
        self.systemIdentifier = systemIdentifier
        self.previous = previous
        position = start
    }

    /// The next record, until the source ends.
    public mutating func next() -> Element? {
        source.next().map { append($0) }
    }

    /// One record more, whatever the source has.
    public mutating func append(_ contents: WALRecordContents) -> Element {
        var output: [UInt8] = []
        output.reserveCapacity(contents.fragments.count + 64 + contents.fragments.count / 256)
        if position.pageOffset == 0 { appendPageHeader(missing: 0, to: &output) }
        let start = position
        let record = encode(contents)
        var written = 0
        while written < record.count {
            if position.pageOffset == 0 { appendPageHeader(missing: record.count - written, to: &output) }
            let count = Swift.min(record.count - written, position.remainingInPage)
            output += record[written..<written + count]
            written += count
            position += UInt64(count)
        }
        let end = position
        fill(upTo: end.recordAligned, output: &output)
        if contents.isSegmentSwitch && !segmentSize.isSegmentStart(end) {
            fill(upTo: segmentSize.segmentStart(of: end) + segmentSize.bytes, output: &output)
        }
        previous = start
        return Element(bytes: output, start: start, end: end, next: position)
    }

    private func encode(_ contents: WALRecordContents) -> [UInt8] {
        let length = WALRecord.headerSize + contents.fragments.count
        precondition(length <= WALRecord.maximumLength, "a record of \(length) bytes is longer than PostgreSQL writes")
        var record: [UInt8] = []
        record.reserveCapacity(length)
        record.appendLittleEndian(UInt32(length))
        record.appendLittleEndian(contents.transactionID)
        record.appendLittleEndian(previous.rawValue)
        record.append(contents.info)
        record.append(contents.resourceManager.rawValue)
        record += [0, 0, 0, 0, 0, 0]
        record += contents.fragments
        let checksum = record.withUnsafeBytes { cchecksum_wal_record($0.baseAddress!, $0.count) }
        record.replaceSubrange(20..<24, with: Swift.withUnsafeBytes(of: checksum.littleEndian, Array.init))
        return record
    }

    private mutating func appendPageHeader(missing: Int, to output: inout [UInt8]) {
        let isLong = segmentSize.isSegmentStart(position)
        var flags: UInt16 = missing > 0 ? WALPageHeader.Flag.firstIsContinuation : 0
        if isLong { flags |= WALPageHeader.Flag.longHeader }
        let header = WALPageHeader(
            magic: version.pageMagic,
            flags: flags,
            timelineID: timelineID,
            pageAddress: position,
            remainingLength: UInt32(missing),
            long: isLong
                ? .init(systemIdentifier: systemIdentifier, segmentSize: UInt32(segmentSize.bytes)) : nil
        )
        header.append(to: &output)
        position += UInt64(isLong ? WALPage.longHeaderSize : WALPage.shortHeaderSize)
    }

    /// Zeros up to `end`, with a header on every page that begins on the way.
    private mutating func fill(upTo end: LSN, output: inout [UInt8]) {
        while position < end {
            if position.pageOffset == 0 {
                appendPageHeader(missing: 0, to: &output)
                continue
            }
            let count = Swift.min(end.rawValue - position.rawValue, UInt64(position.remainingInPage))
            output += repeatElement(0, count: Int(count))
            position += count
        }
    }
}

extension WALRecordContents {
    fileprivate var isSegmentSwitch: Bool { resourceManager == .xlog && info == 0x40 }
}
