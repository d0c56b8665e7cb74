import PostgresWAL
import TestFixtures
import Testing

@Suite("Where the WAL ends")
struct EndOfWALTests {
    /// Records of 96 bytes that fill the page before 0/2002000 to its end.
    private func fullPage(_ more: [WALRecordContents] = []) throws -> CraftedWAL {
        try CraftedWAL(startingAt: LSN(0x200_1FA0), [.ofLength(96)] + more)
    }

    /// A record of 59 bytes, then one of 9000 that covers the rest of its page, a whole page and a part of a third.
    private func longRecord() throws -> CraftedWAL {
        try CraftedWAL(startingAt: LSN(0x200_1FA0), [.ofLength(59), .ofLength(9000)])
    }

    private func expectEnd(
        of wal: CraftedWAL,
        at lsn: LSN,
        _ condition: WALDecodeError.Condition,
        records: Int = 1,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        // Byte by byte the error may come before all bytes that speak for its kind are there.
        let decoded = wal.decoded()
        #expect(decoded.records.count == records, sourceLocation: sourceLocation)
        #expect(decoded.error?.lsn == lsn, sourceLocation: sourceLocation)
        #expect(decoded.error?.condition == condition, sourceLocation: sourceLocation)
        #expect(decoded.error?.condition.isEndOfWAL == (condition != .corrupt), sourceLocation: sourceLocation)
    }

    @Test func zerosOnAPage() throws {
        var wal = try fullPage([.ofLength(96)])
        let next = wal.offset(of: LSN(0x200_2018)) + 96
        wal.bytes.removeLast(wal.bytes.count - next)
        wal.bytes += [UInt8](repeating: 0, count: 500)
        expectEnd(of: wal, at: LSN(0x200_2078), .zeroed, records: 2)
        #expect(wal.decoded().error?.reason == .recordLength(0))
    }

    @Test func aZeroPage() throws {
        var wal = try fullPage()
        wal.bytes += [UInt8](repeating: 0, count: 8192)
        expectEnd(of: wal, at: LSN(0x200_2000), .zeroed)
        #expect(wal.decoded().error?.reason == .pageMagic(found: 0, expected: 0xD113))
    }

    @Test func aZeroSegment() throws {
        var wal = try CraftedWAL(startingAt: LSN(0x2FF_FFA0), [.ofLength(96)])
        wal.bytes += [UInt8](repeating: 0, count: 8192)
        expectEnd(of: wal, at: LSN(0x300_0000), .zeroed)
    }

    @Test func zerosWithSomethingBehindThem() throws {
        var wal = try fullPage()
        wal.bytes += [UInt8](repeating: 0, count: 23) + [1] + [UInt8](repeating: 0, count: 100)
        // The padding of a header doesn't count, a record's bytes do.
        expectEnd(of: wal, at: LSN(0x200_2000), .zeroed)
        var other = try CraftedWAL(startingAt: LSN(0x200_1F40), [.ofLength(96)])
        other.bytes += [UInt8](repeating: 0, count: 50) + [1]
        expectEnd(of: other, at: LSN(0x200_1FA0), .corrupt)
    }

    @Test func aRecycledPage() throws {
        var wal = try fullPage()
        let older = try CraftedWAL(startingAt: LSN(0x100_2000), [.ofLength(8168)])
        wal.bytes += older.bytes
        expectEnd(of: wal, at: LSN(0x200_2000), .stale)
    }

    @Test func aRecycledPageOfAnotherVersion() throws {
        // After an upgrade segments of the old version may be left.
        var wal = try fullPage()
        wal.bytes += try CraftedWAL(version: .v15, startingAt: LSN(0x100_2000), [.ofLength(100)]).bytes
        expectEnd(of: wal, at: LSN(0x200_2000), .stale)
    }

    @Test func aPageOfTheFuture() throws {
        var wal = try fullPage()
        wal.bytes += try CraftedWAL(startingAt: LSN(0x300_2000), [.ofLength(100)]).bytes
        expectEnd(of: wal, at: LSN(0x200_2000), .corrupt)
    }

    @Test func aPageAddressThatIsNoPageStart() throws {
        var wal = try fullPage([.ofLength(100)])
        wal.bytes.setLittleEndian(UInt64(0x100_2008), at: wal.offset(of: LSN(0x200_2000)) + 8)
        expectEnd(of: wal, at: LSN(0x200_2000), .corrupt)
    }

    @Test func aRecordWhoseNextPageWasNeverWritten() throws {
        var wal = try longRecord()
        let page = wal.offset(of: LSN(0x200_2000))
        wal.bytes.replaceSubrange(page..<wal.bytes.count, with: [UInt8](repeating: 0, count: wal.bytes.count - page))
        expectEnd(of: wal, at: LSN(0x200_2000), .torn)
        #expect(wal.decoded().error?.recordStart == LSN(0x200_1FE0))
    }

    @Test func aRecordWhoseNextPageIsOld() throws {
        var wal = try longRecord()
        let older = try CraftedWAL(startingAt: LSN(0x100_2000), [.ofLength(8168)])
        let page = wal.offset(of: LSN(0x200_2000))
        wal.bytes.replaceSubrange(page..<page + 8192, with: older.bytes)
        expectEnd(of: wal, at: LSN(0x200_2000), .torn)
    }

    @Test func aRecordWhoseLastSectorsWereNeverWritten() throws {
        var wal = try CraftedWAL(startingAt: LSN(0x200_0028), [.ofLength(3000)])
        for offset in wal.offset(of: LSN(0x200_0A00))..<wal.bytes.count { wal.bytes[offset] = 0 }
        expectEnd(of: wal, at: LSN(0x200_0028 + 3000), .torn, records: 0)
    }

    @Test func aDamagedRecordIsNotTorn() throws {
        var wal = try CraftedWAL(startingAt: LSN(0x200_0028), [.ofLength(3000)])
        wal.bytes[100] ^= 0x10
        expectEnd(of: wal, at: LSN(0x200_0028 + 3000), .corrupt, records: 0)
        // Zeros that begin in the middle of a sector are no torn write either, when the last sector isn't all zeros.
        var other = try CraftedWAL(startingAt: LSN(0x200_0028), [.ofLength(300)])
        for offset in 200..<300 { other.bytes[offset] = 0 }
        expectEnd(of: other, at: LSN(0x200_0028 + 300), .corrupt, records: 0)
    }

    @Test func theErrorSaysWhatTheEndLooksLike() throws {
        var wal = try fullPage()
        wal.bytes += [UInt8](repeating: 0, count: 100)
        #expect(
            wal.decoded().error?.description
                == "invalid xlog page header: xlp_magic=0, expected 53523 at 0/2002000 (zeros: the WAL ends here)"
        )
    }
}
