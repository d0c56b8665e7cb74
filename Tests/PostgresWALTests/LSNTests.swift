import PostgresWAL
import TestFixtures
import Testing

@Suite("LSN")
struct LSNTests {
    @Test(
        arguments: [
            (0, "0/0"), (0x16B_0001, "0/16B0001"), (0xFFFF_FFFF, "0/FFFFFFFF"), (0x1_0000_0000, "1/0"),
            (0x12_3456_7890, "12/34567890"), (UInt64.max, "FFFFFFFF/FFFFFFFF"),
        ] as [(UInt64, String)]
    )
    func text(value: UInt64, text: String) {
        #expect(LSN(value).description == text)
        #expect(LSN(text) == LSN(value))
        #expect(LSN(text.lowercased()) == LSN(value))
    }

    @Test(
        arguments: [(" 0/10 ", 0x10), ("\t1/0\n", 1 << 32), ("00000001/00000002", 1 << 32 | 2)] as [(String, UInt64)]
    )
    func spacesAndZerosAreTaken(text: String, value: UInt64) {
        #expect(LSN(text) == LSN(value))
    }

    @Test(arguments: [
        "", "0", "/", "0/", "/0", "0/0/0", "+1/0", "0/+1", "-1/0", "0/-1", "-0/0", "0/-0", "0x1/0", "G/0", "0/ 1",
        "100000000/0",
        "0/100000000", "000000001/0", "0\\0", "0/1.", "0/１",
    ])
    func otherTextIsRefused(text: String) {
        #expect(LSN(text) == nil)
    }

    @Test func order() {
        #expect(LSN(1) < LSN(2))
        #expect(LSN(0xFFFF_FFFF) < LSN(1 << 32))
        #expect(!LSN.invalid.isValid)
        #expect(LSN(1).isValid)
    }

    @Test func arithmetic() {
        var lsn = LSN(0xFFFF_FFF8)
        #expect((lsn + 8).description == "1/0")
        #expect((LSN(1 << 32) - 8) == lsn)
        lsn += 16
        #expect(lsn.description == "1/8")
        #expect(lsn.distance(from: LSN(0xFFFF_FFF8)) == 16)
        #expect(LSN(7).distance(from: LSN(7)) == 0)
        #expect(LSN(7).distance(from: LSN(8)) == nil)
    }

    struct Place: Sendable {
        var lsn: UInt64
        var aligned: UInt64
        var pageOffset: Int
        var pageStart: UInt64
        var remaining: Int
    }

    @Test(arguments: [
        Place(lsn: 0, aligned: 0, pageOffset: 0, pageStart: 0, remaining: 8192),
        Place(lsn: 1, aligned: 8, pageOffset: 1, pageStart: 0, remaining: 8191),
        Place(lsn: 8, aligned: 8, pageOffset: 8, pageStart: 0, remaining: 8184),
        Place(lsn: 0x1FF9, aligned: 0x2000, pageOffset: 0x1FF9, pageStart: 0, remaining: 7),
        Place(lsn: 0x2000, aligned: 0x2000, pageOffset: 0, pageStart: 0x2000, remaining: 8192),
        // Seen in real WAL.
        Place(lsn: 0x156_DFFC, aligned: 0x156_E000, pageOffset: 0x1FFC, pageStart: 0x156_C000, remaining: 4),
        Place(lsn: 0x2FF_FFFB, aligned: 0x300_0000, pageOffset: 0x1FFB, pageStart: 0x2FF_E000, remaining: 5),
    ])
    func alignment(place: Place) {
        let lsn = LSN(place.lsn)
        #expect(lsn.recordAligned == LSN(place.aligned))
        #expect(lsn.isRecordAligned == (place.lsn == place.aligned))
        #expect(lsn.pageOffset == place.pageOffset)
        #expect(lsn.pageStart == LSN(place.pageStart))
        #expect(lsn.remainingInPage == place.remaining)
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func textRoundTrip(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<1000 {
            let lsn = LSN(generator.next() >> UInt64.random(in: 0..<64, using: &generator))
            #expect(LSN(lsn.description) == lsn)
        }
    }
}
