import CChecksum
import PostgresWAL
import TestFixtures

/// A source without records of its own: what is generated is appended by hand.
struct NoRecords: WALRecordSource {
    mutating func next() -> WALRecordContents? { nil }
}

/// Generated WAL, and where its records are.
struct CraftedWAL {
    var version = PostgresMajorVersion.v16
    var segmentSize = WALSegmentSize.standard
    var start: LSN
    var bytes: [UInt8] = []
    var elements: [Element] = []

    struct Element: Hashable {
        var start: LSN
        var end: LSN
        var next: LSN
    }

    /// Generates one record after the other.
    init(
        version: PostgresMajorVersion = .v16,
        segmentSize: WALSegmentSize = .standard,
        startingAt start: LSN,
        _ contents: [WALRecordContents]
    ) throws {
        self.version = version
        self.segmentSize = segmentSize
        self.start = start
        var generator = try WALGenerator(
            NoRecords(),
            version: version,
            segmentSize: segmentSize,
            systemIdentifier: 0x1122_3344_5566_7788,
            startingAt: start
        )
        for record in contents {
            let element = generator.append(record)
            bytes += element.bytes
            elements.append(Element(start: element.start, end: element.end, next: element.next))
        }
    }

    /// Decodes the bytes, in one piece or in many.
    func decoded(nextSize: () -> Int = { Int.max }) -> DecodedStream {
        DecodedStream(bytes, version: version, segmentSize: segmentSize, startingAt: start, nextSize: nextSize)
    }

    /// The offset of an LSN in ``bytes``.
    func offset(of lsn: LSN) -> Int {
        Int(lsn.rawValue - start.rawValue)
    }
}

extension WALRecordContents {
    /// A record that is `length` bytes long in all; 24, or 26 and more.
    static func ofLength(_ length: Int, seed: UInt8 = 7) -> WALRecordContents {
        precondition(length == 24 || length >= 26, "no record has a length of \(length)")
        var fragments: [UInt8] = []
        if length > 24 && length <= 24 + 2 + 255 {
            fragments = [255, UInt8(length - 26)]
        } else if length > 24 {
            fragments = [254]
            fragments.appendLittleEndian(UInt32(length - 29))
        }
        let rest = length - 24 - fragments.count
        fragments += (0..<rest).map { UInt8(truncatingIfNeeded: $0 &* 31) &+ seed }
        return WALRecordContents(resourceManager: .logicalMessage, info: 0, fragments: fragments)
    }
}

/// Works out a record's CRC anew and stores it.
func repairChecksum(of record: inout [UInt8]) {
    record.setLittleEndian(record.withUnsafeBytes { cchecksum_wal_record($0.baseAddress!, $0.count) }, at: 20)
}

/// A record of raw fragments, its CRC right.
func craftedRecord(
    resourceManager: ResourceManager = .logicalMessage,
    info: UInt8 = 0,
    fragments: [UInt8]
) -> [UInt8] {
    var record: [UInt8] = []
    record.appendLittleEndian(UInt32(24 + fragments.count))
    record += [UInt8](repeating: 0, count: 12)
    record += [info, resourceManager.rawValue, 0, 0, 0, 0, 0, 0]
    record += fragments
    repairChecksum(of: &record)
    return record
}

/// A record's bytes as they lie in the log from `start` on, with the headers of the pages that begin inside it.
func laidOut(_ record: [UInt8], at start: LSN, version: PostgresMajorVersion) -> [UInt8] {
    var output: [UInt8] = []
    var position = start
    var written = 0
    while written < record.count {
        if position.pageOffset == 0 {
            WALPageHeader(
                magic: version.pageMagic,
                flags: WALPageHeader.Flag.firstIsContinuation,
                timelineID: 1,
                pageAddress: position,
                remainingLength: UInt32(record.count - written)
            ).append(to: &output)
            position += UInt64(WALPage.shortHeaderSize)
        }
        let count = min(record.count - written, position.remainingInPage)
        output += record[written..<written + count]
        written += count
        position += UInt64(count)
    }
    return output
}
