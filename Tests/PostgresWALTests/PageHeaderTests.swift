import PostgresWAL
import TestFixtures
import Testing

@Suite("Page headers")
struct PageHeaderTests {
    @Test func short() throws {
        let bytes = [UInt8](hex: "13d10100 01000000 0020000200000000 1b000000 00000000")
        let header = try #require(parsedHeader(bytes))
        #expect(header.magic == 0xD113)
        #expect(header.flags == WALPageHeader.Flag.firstIsContinuation)
        #expect(header.timelineID == 1)
        #expect(header.pageAddress.description == "0/2002000")
        #expect(header.remainingLength == 27)
        #expect(header.long == nil)
        #expect(appended(header) == bytes)
    }

    @Test func long() throws {
        let bytes = [UInt8](
            hex: "16d1020001000000000000020000000000000000000000008877665544332211 00000001 00200000"
        )
        let header = try #require(parsedHeader(bytes))
        #expect(header.magic == 0xD116)
        #expect(header.flags == WALPageHeader.Flag.longHeader)
        #expect(header.remainingLength == 0)
        let long = try #require(header.long)
        #expect(long.systemIdentifier == 0x1122_3344_5566_7788)
        #expect(long.segmentSize == 16 << 20)
        #expect(long.pageSize == 8192)
        #expect(appended(header) == bytes)
    }

    @Test func paddingIsIgnored() throws {
        let bytes = [UInt8](hex: "13d10100 01000000 0020000200000000 1b000000 ffffffff")
        let header = try #require(parsedHeader(bytes))
        #expect(appended(header).suffix(4) == [0, 0, 0, 0])
    }

    @Test func tooFewBytes() {
        var bytes = [UInt8](repeating: 0, count: 24)
        for count in 0..<24 {
            #expect(parsedHeader(Array(bytes.prefix(count))) == nil)
        }
        bytes[2] = 2
        bytes += [UInt8](repeating: 0, count: 15)
        for count in 24..<40 {
            #expect(parsedHeader(Array(bytes.prefix(count))) == nil)
        }
    }

    private func parsedHeader(_ bytes: [UInt8]) -> WALPageHeader? {
        WALPageHeader(reading: bytes.span.bytes)
    }

    private func appended(_ header: WALPageHeader) -> [UInt8] {
        var bytes: [UInt8] = []
        header.append(to: &bytes)
        return bytes
    }
}

@Suite("PostgreSQL versions")
struct PostgresMajorVersionTests {
    @Test(arguments: [
        (PostgresMajorVersion.v14, UInt16(0xD10D), 140_012), (.v15, 0xD110, 150_020), (.v16, 0xD113, 160_002),
        (.v17, 0xD116, 170_010),
    ])
    func magicAndNumber(version: PostgresMajorVersion, magic: UInt16, number: Int) {
        #expect(version.pageMagic == magic)
        #expect(PostgresMajorVersion(pageMagic: magic) == version)
        #expect(PostgresMajorVersion(serverVersionNumber: number) == version)
    }

    @Test(arguments: [0, 13, 14, 17, 130_099, 180_000, -150_000, Int.max])
    func otherNumbersAreRefused(number: Int) {
        #expect(PostgresMajorVersion(serverVersionNumber: number) == nil)
    }

    @Test func otherMagicsAreRefused() {
        let known = Set(PostgresMajorVersion.allCases.map(\.pageMagic))
        for magic in UInt16.min ... .max where !known.contains(magic) {
            #expect(PostgresMajorVersion(pageMagic: magic) == nil)
        }
    }
}
