import PostgresWAL
import TestFixtures
import Testing

/// A record cut off by a crash, whose place the server used again after its restart.
///
/// Source: `wal-decoding.md` §7.
@Suite("Abandoned records")
struct AbandonedRecordTests {
    /// Where the record starts whose rest was lost.
    static let abandoned = LSN(0x200_1FE0)

    /// XLOG_OVERWRITE_CONTRECORD: the lost record's LSN and a time.
    static func notice(of lsn: LSN, info: UInt8 = 0xD0) -> WALRecordContents {
        var main: [UInt8] = []
        main.appendLittleEndian(lsn.rawValue)
        main.appendLittleEndian(UInt64(0x1234_5678))
        return WALRecordContents(resourceManager: .xlog, info: info, mainData: main)
    }

    /// A record, the first 32 bytes of another, then a page that begins with `first`.
    static func wal(
        first: WALRecordContents,
        flags: UInt16 = WALPageHeader.Flag.firstOverwritesContinuation,
        remainingLength: UInt32 = 0,
        lostPages: Int = 1
    ) throws -> CraftedWAL {
        var wal = try CraftedWAL(startingAt: LSN(0x200_1FA0), [.ofLength(59), .ofLength(30_000)])
        let page = LSN(0x200_2000) + UInt64((lostPages - 1) * WALPage.size)
        wal.bytes.removeLast(wal.bytes.count - wal.offset(of: page))
        var rest = try CraftedWAL(startingAt: page, [first, .ofLength(100)])
        rest.bytes.setLittleEndian(flags, at: 2)
        rest.bytes.setLittleEndian(remainingLength, at: 16)
        wal.bytes += rest.bytes
        return wal
    }

    @Test("The record that names the lost one is taken", arguments: 1...3)
    func named(lostPages: Int) throws {
        let wal = try Self.wal(first: Self.notice(of: Self.abandoned), lostPages: lostPages)
        let page = LSN(0x200_2000) + UInt64((lostPages - 1) * WALPage.size)
        for size in [Int.max, 1, 7, 24, 8192] {
            let decoded = wal.decoded(nextSize: { size })
            #expect(decoded.error == nil)
            #expect(decoded.records.map(\.start) == [LSN(0x200_1FA0), page + 24, page + 72])
            #expect(decoded.records.map(\.next) == [Self.abandoned, page + 72, page + 176])
        }
    }

    @Test("Low info bits don't matter")
    func infoIsMasked() throws {
        let decoded = try Self.wal(first: Self.notice(of: Self.abandoned, info: 0xD2)).decoded()
        #expect(decoded.records.count == 3)
        #expect(decoded.error == nil)
    }

    static let others: [(String, WALRecordContents)] = [
        ("another LSN", notice(of: LSN(0x200_1FA0))),
        ("another info", notice(of: abandoned, info: 0xB0)),
        ("another resource manager", .ofLength(42)),
        ("no main data", WALRecordContents(resourceManager: .xlog, info: 0xD0)),
        ("too short", WALRecordContents(resourceManager: .xlog, info: 0xD0, mainData: [0xE0, 0x1F, 0, 2])),
    ]

    @Test("Any other record is refused", arguments: others.indices)
    func notNamed(index: Int) throws {
        let wal = try Self.wal(first: Self.others[index].1)
        for size in [Int.max, 1, 24] {
            let decoded = wal.decoded(nextSize: { size })
            #expect(decoded.records.count == 1)
            #expect(decoded.error?.reason == .abandonedRecordNotNamed(abandoned: Self.abandoned))
            #expect(decoded.error?.lsn == LSN(0x200_2018))
            #expect(decoded.error?.condition == .corrupt)
        }
    }

    @Test("Without the page's flag it is a fault")
    func withoutTheFlag() throws {
        let wal = try Self.wal(first: Self.notice(of: Self.abandoned), flags: 0)
        #expect(
            wal.decoded().error?.referenceText
                == "invalid xlog page header: XLP_FIRST_IS_CONTRECORD expected, not found at 0/2002000"
        )
    }

    @Test("With a remaining length it is a fault")
    func withARemainingLength() throws {
        let wal = try Self.wal(first: Self.notice(of: Self.abandoned), remainingLength: 3)
        #expect(wal.decoded().error?.reason == .continuationMissing)
    }

    @Test("With no record open the flag means nothing")
    func betweenRecords() throws {
        var wal = try CraftedWAL(
            startingAt: LSN(0x200_1FA0),
            [.ofLength(96), .ofLength(100), Self.notice(of: LSN(8))]
        )
        wal.bytes.setLittleEndian(
            WALPageHeader.Flag.firstOverwritesContinuation,
            at: wal.offset(of: LSN(0x200_2000)) + 2
        )
        #expect(wal.decoded().error == nil)
        #expect(wal.decoded().records.count == 3)
    }

    @Test("What is open is forgotten by a reset")
    func reset() throws {
        let wal = try Self.wal(first: .ofLength(42))
        var decoder = try WALStreamDecoder(version: .v16, startingAt: wal.start)
        let first = try decoder.firstRecord(of: wal.bytes)
        #expect(first?.count == 59)
        // Up to the header of the page that replaces the lost record's rest.
        let header = wal.offset(of: LSN(0x200_2018))
        let none = try decoder.firstRecord(of: Array(wal.bytes[59..<header]))
        #expect(none == nil)
        try decoder.reset(to: LSN(0x200_2018))
        let other = try decoder.firstRecord(of: Array(wal.bytes[header...]))
        #expect(other?.count == 42)
    }
}
