import PostgresWAL
import TestFixtures
import Testing

/// Source: `wal-decoding.md` §5, "Header validation and error texts".
@Suite("Faults of pages and lengths")
struct PageFaultTests {
    /// A record of 59 bytes that ends 32 bytes before the page does, a record of 1100 bytes across the page's end, a
    /// third behind it.
    static func wal() throws -> CraftedWAL {
        try CraftedWAL(startingAt: LSN(0x200_1FA0), [.ofLength(59), .ofLength(1087), .ofLength(40)])
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        /// Bytes to set, counted from the second page's start.
        var offset: Int
        var value: [UInt8]
        var text: String
        var testDescription: String { name }
    }

    /// While a record is open.
    static let assembling = [
        Row(
            name: "magic",
            offset: 0,
            value: [0x12, 0xD1],
            text: "invalid xlog page header: xlp_magic=53522, expected 53523 at 0/2002000"
        ),
        Row(
            name: "address",
            offset: 9,
            value: [0x40],
            text: "invalid xlog page header: xlp_pageaddr=33570816, expected 0/2002000 at 0/2002000"
        ),
        Row(
            name: "not a continuation",
            offset: 2,
            value: [0],
            text: "invalid xlog page header: XLP_FIRST_IS_CONTRECORD expected, not found at 0/2002000"
        ),
        Row(
            name: "remaining length",
            offset: 16,
            value: [0x1E],
            text: "invalid xlog page header: xlp_rem_len=1054, expected 1055 at 0/2002000"
        ),
    ]

    @Test(arguments: assembling)
    func whileARecordIsOpen(row: Row) throws {
        var wal = try Self.wal()
        let page = wal.offset(of: LSN(0x200_2000))
        wal.bytes.replaceSubrange(page + row.offset..<page + row.offset + row.value.count, with: row.value)
        let decoded = wal.decoded()
        #expect(decoded.records.count == 1)
        #expect(decoded.error?.referenceText == row.text)
        #expect(decoded.error?.recordStart?.description == "0/2001FE0")
        #expect(decoded.error?.condition == .corrupt)
    }

    /// With no record open.
    static let waiting = [
        Row(
            name: "magic first",
            offset: 0,
            value: [0x12, 0xD1, 1, 0],
            text: "invalid xlog page header: xlp_magic=53522, expected 53523 at 0/2002000"
        ),
        Row(
            name: "continuation",
            offset: 2,
            value: [1],
            text: "invalid xlog page header: unexpected XLP_FIRST_IS_CONTRECORD at 0/2002000"
        ),
        Row(
            name: "remaining length",
            offset: 16,
            value: [5],
            text: "invalid xlog page header: xlp_rem_len=5, but it's not a contrecord at 0/2002000"
        ),
        Row(name: "length 23", offset: 24, value: [23, 0], text: "invalid xl_tot_len 23 at 0/2002018"),
        Row(name: "length 0", offset: 24, value: [0, 0], text: "invalid xl_tot_len 0 at 0/2002018"),
        Row(
            name: "too long",
            offset: 24,
            value: [1, 0, 0xC0, 0x3F],
            text: "invalid xl_tot_len 1069547521, at most 1069547520 expected at 0/2002018"
        ),
        Row(
            name: "longest number",
            offset: 24,
            value: [255, 255, 255, 255],
            text: "invalid xl_tot_len 4294967295, at most 1069547520 expected at 0/2002018"
        ),
    ]

    @Test(arguments: waiting)
    func betweenRecords(row: Row) throws {
        var wal = try CraftedWAL(startingAt: LSN(0x200_1FA0), [.ofLength(96), .ofLength(500)])
        let page = wal.offset(of: LSN(0x200_2000))
        wal.bytes.replaceSubrange(page + row.offset..<page + row.offset + row.value.count, with: row.value)
        let decoded = wal.decoded()
        #expect(decoded.records.count == 1)
        #expect(decoded.error?.referenceText == row.text)
        #expect(decoded.error?.condition == .corrupt)
    }

    @Test func theAddressIsCheckedBeforeTheFlags() throws {
        var wal = try CraftedWAL(startingAt: LSN(0x200_1FA0), [.ofLength(96), .ofLength(500)])
        let page = wal.offset(of: LSN(0x200_2000))
        wal.bytes[page + 2] = 1
        wal.bytes[page + 15] = 0x80
        #expect(
            wal.decoded().error?.reason
                == .pageAddress(found: 0x8000_0000_0200_2000, expected: LSN(0x200_2000))
        )
    }

    @Test("What is not looked at", arguments: [(2, UInt8(0xF4)), (4, 0x77), (20, 0xFF), (23, 0xFF)])
    func uncheckedFields(offset: Int, byte: UInt8) throws {
        var wal = try CraftedWAL(startingAt: LSN(0x200_1FA0), [.ofLength(96), .ofLength(500)])
        wal.bytes[wal.offset(of: LSN(0x200_2000)) + offset] = byte
        #expect(wal.decoded().error == nil)
        #expect(wal.decoded().records.count == 2)
    }

    @Test func segmentAndPageSizeOfTheLongHeader() throws {
        var wal = try CraftedWAL(startingAt: LSN(0x200_0000), [.ofLength(96)])
        wal.bytes.setLittleEndian(UInt32(1 << 20), at: 32)
        #expect(wal.decoded().error?.reason == .segmentSize(found: 1 << 20, expected: 16 << 20))
        #expect(wal.decoded().error?.lsn == LSN(0x200_0000))
        wal.bytes.setLittleEndian(UInt32(16 << 20), at: 32)
        wal.bytes.setLittleEndian(UInt32(4096), at: 36)
        #expect(wal.decoded().error?.reason == .pageSize(found: 4096))
        #expect(
            wal.decoded().error?.referenceText
                == "invalid xlog page header: xlp_xlog_blcksz=4096, expected 8192 at 0/2000000"
        )
    }

    @Test func segmentSizeMismatchMeetsTheShortHeader() throws {
        // The decoder expects a long header in the middle of the writer's 16 MiB segment.
        let megabyte = try #require(WALSegmentSize(bytes: 1 << 20))
        let wal = try CraftedWAL(startingAt: LSN(0x20F_FF00), [.ofLength(216), .ofLength(500)])
        let decoded = DecodedStream(wal.bytes, segmentSize: megabyte, startingAt: wal.start)
        #expect(decoded.records.count == 1)
        guard case .segmentSize = decoded.error?.reason else {
            Issue.record("\(String(describing: decoded.error))")
            return
        }
    }

    @Test func checksumErrorsCarryBothValues() throws {
        var wal = try CraftedWAL(startingAt: LSN(0x200_0028), [.ofLength(96)])
        let good = wal.bytes
        wal.bytes[50] ^= 1
        let error = try #require(wal.decoded().error)
        guard case .checksum(let found, let computed) = error.reason else {
            Issue.record("\(error)")
            return
        }
        #expect(found == good.span.bytes.littleEndian(at: 20))
        #expect(computed != found)
        #expect(error.recordStart == LSN(0x200_0028))
        #expect(
            error.description.hasPrefix("WAL record crc mismatch at 0/2000088, in the record at 0/2000028: xl_crc=")
        )
    }
}
