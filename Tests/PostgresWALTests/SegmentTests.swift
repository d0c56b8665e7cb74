import PostgresWAL
import Testing

@Suite("WAL segments")
struct SegmentTests {
    static let sizes = (20...30).compactMap { WALSegmentSize(bytes: 1 << $0) }

    @Test func allPowersOfTwoFromOneMegabyteToOneGigabyte() {
        #expect(Self.sizes.count == 11)
        #expect(Self.sizes.contains(.standard))
        #expect(WALSegmentSize.standard.bytes == 16_777_216)
    }

    @Test(arguments: [0, 1, 8192, 1 << 19, 1 << 20 | 1, 3 << 20, 17 << 20, 1 << 31, 1 << 32, .max] as [UInt64])
    func otherSizesAreRefused(bytes: UInt64) {
        #expect(WALSegmentSize(bytes: bytes) == nil)
    }

    @Test(arguments: sizes)
    func numbersAndOffsets(size: WALSegmentSize) {
        for number in [0, 1, 255, 256, 4660] as [UInt64] {
            let start = LSN(number * size.bytes)
            #expect(size.start(ofSegment: number) == start)
            #expect(size.isSegmentStart(start))
            for offset in [0, 1, 8191, size.bytes - 1] {
                #expect(size.segmentNumber(of: start + offset) == number)
                #expect(size.offset(of: start + offset) == offset)
                #expect(size.segmentStart(of: start + offset) == start)
            }
            #expect(size.segmentNumber(of: start + size.bytes) == number + 1)
            #expect(!size.isSegmentStart(start + 8))
        }
        let last = UInt64.max / size.bytes
        #expect(size.start(ofSegment: last) == LSN(last * size.bytes))
        #expect(size.start(ofSegment: last + 1) == nil)
        #expect(size.start(ofSegment: .max) == nil)
    }
}

@Suite("WAL file names")
struct WALFileNameTests {
    struct Row: Sendable {
        var lsn: String
        var number: UInt64
        var name: String
        var megabytes: UInt64 = 16
    }

    @Test(
        "V-A8 and other segment sizes",
        arguments: [
            Row(lsn: "0/1000000", number: 1, name: "000000010000000000000001"),
            Row(lsn: "0/FF000000", number: 255, name: "0000000100000000000000FF"),
            Row(lsn: "1/0", number: 256, name: "000000010000000100000000"),
            Row(lsn: "1/7000000", number: 263, name: "000000010000000100000007"),
            Row(lsn: "12/34567890", number: 4660, name: "000000010000001200000034"),
            Row(lsn: "12/34567890", number: 0x12345, name: "000000010000001200000345", megabytes: 1),
            Row(lsn: "0/FFFFFFFF", number: 4095, name: "000000010000000000000FFF", megabytes: 1),
            Row(lsn: "12/34567890", number: 18 * 64 + 13, name: "00000001000000120000000D", megabytes: 64),
            Row(lsn: "12/F4567890", number: 18 * 4 + 3, name: "000000010000001200000003", megabytes: 1024),
            Row(lsn: "FFFFFFFF/FFFFFFFF", number: 0xFF_FFFF_FFFF, name: "00000001FFFFFFFF000000FF"),
        ]
    )
    func names(row: Row) throws {
        let size = try #require(WALSegmentSize(bytes: row.megabytes << 20))
        let lsn = try #require(LSN(row.lsn))
        #expect(size.segmentNumber(of: lsn) == row.number)
        let name = try #require(WALFileName(timelineID: 1, segmentNumber: row.number, segmentSize: size))
        #expect(name.description == row.name)
        #expect(WALFileName(row.name, segmentSize: size) == name)
        let partial = try #require(WALFileName(row.name + ".partial", segmentSize: size))
        #expect(partial.isPartial)
        #expect(partial.segmentNumber == row.number)
        #expect(partial.description == row.name + ".partial")
    }

    @Test func timelineAndLowerCase() throws {
        let name = try #require(WALFileName("0000002a000000010000000b", segmentSize: .standard))
        #expect(name.timelineID == 42)
        #expect(name.segmentNumber == 256 + 11)
        #expect(!name.isPartial)
    }

    @Test(arguments: [
        "", ".partial", "00000001", "00000001000000000000000", "0000000100000000000000010", "00000001000000000000000G",
        "+00000010000000000000001", "00000001 0000000000000001", "000000010000000000000001.partia",
        "000000010000000000000001.partial.partial", "000000010000000000000001.00000028.backup", "00000002.history",
        // The lower part counts the segments of 4 GiB: 256 of them are one too many.
        "000000010000000000000100", "00000001000000000000000１",
    ])
    func otherNamesAreRefused(name: String) {
        #expect(WALFileName(name, segmentSize: .standard) == nil)
    }

    @Test(arguments: SegmentTests.sizes)
    func lowerPartIsBelowTheSegmentsOfFourGigabytes(size: WALSegmentSize) throws {
        let count = (1 << 32) / size.bytes
        let last = try #require(WALFileName(timelineID: 1, segmentNumber: count - 1, segmentSize: size))
        let next = try #require(WALFileName(timelineID: 1, segmentNumber: count, segmentSize: size))
        #expect(last.description.hasPrefix("0000000100000000"))
        #expect(next.description == "000000010000000100000000")
        let digits = String(count, radix: 16, uppercase: true)
        let beyond = "0000000100000000" + String(repeating: "0", count: 8 - digits.count) + digits
        #expect(WALFileName(beyond, segmentSize: size) == nil)
    }

    @Test func segmentsBeyondTheLastLSNHaveNoName() {
        #expect(WALFileName(timelineID: 1, segmentNumber: 0x100_0000_0000, segmentSize: .standard) == nil)
        #expect(WALFileName(timelineID: 1, segmentNumber: .max, segmentSize: .standard) == nil)
    }
}
