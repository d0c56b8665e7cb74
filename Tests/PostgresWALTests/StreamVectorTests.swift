import PostgresWAL
import TestFixtures
import Testing

/// Source: `wal-decoding.md` §13.
@Suite("Stream vectors")
struct StreamVectorTests {
    /// V-A1.
    static let message = [UInt8](
        hex: """
            3b000000 00000000 0000000000000000 00 15 0000 a9cdb783
            ff 21 00000000 00000000 0400000000000000 0500000000000000 61626300 68656c6c6f
            """
    )
    /// V-A4.
    static let emptySwitch = [UInt8](hex: "180000000000000000000000000000004000000003229bd2")

    /// V-A2: V-A1 cut by a page's end, then a switch.
    static let acrossPages = [UInt8](
        hex: """
            3b00000000000000000000000000000000150000a9cdb783ff21000000000000
            13d101000100000000200002000000001b00000000000000
            0000040000000000000005000000000000006162630068656c6c6f0000000000
            180000000000000000000000000000004000000003229bd2
            """
    )

    /// V-A3.
    static let behindLongHeader = [UInt8](
        hex: """
            16d102000100000000000002000000000000000000000000887766554433221100000001002000003b0000000000000000000000
            0000000000150000a9cdb783ff210000000000000000040000000000000005000000000000006162630068656c6c6f0000000000
            """
    )

    @Test("V-A1: the record")
    func record() throws {
        let fields = try ParsedFields(parsing: Self.message, version: .v16)
        #expect(fields.resourceManager == .logicalMessage)
        #expect(fields.info == 0)
        #expect(fields.transactionID == 0)
        #expect(fields.blocks.isEmpty)
        #expect(fields.mainDataOffset == 26)
        #expect(fields.mainData == Array(Self.message[26...]))
        #expect(fields.mainData.suffix(9) == Array("abc\0hello".utf8)[...])
    }

    @Test("V-A1 out of the generator")
    func generatedRecord() throws {
        let source = LogicalMessageSource(prefix: "abc", payload: Array("hello".utf8))
        var generator = try WALGenerator(source, version: .v16, startingAt: LSN(0x200_0028))
        let first = generator.next()
        let element = try #require(first)
        #expect(Array(element.bytes.prefix(59)) == Self.message)
        #expect(element.bytes.dropFirst(59) == [0, 0, 0, 0, 0])
        #expect(element.next.description == "0/2000068")
    }

    @Test("V-A2: a record across pages and a switch")
    func pollByPoll() throws {
        var decoder = try WALStreamDecoder(version: .v16, startingAt: LSN(0x200_1FE0))
        let message = try decoder.firstRecord(of: Self.acrossPages)
        #expect(message == Self.message)
        #expect(decoder.position.description == "0/2002033")
        #expect(decoder.nextRecordStart.description == "0/2002038")
        let end = try decoder.firstRecord(of: Array(Self.acrossPages[83...]))
        #expect(end == Self.emptySwitch)
        #expect(decoder.position.description == "0/2002050")
        #expect(decoder.nextRecordStart.description == "0/3000000")
        let none = try decoder.firstRecord(of: [])
        #expect(none == nil)
        #expect(decoder.position.description == "0/2002050")
    }

    @Test("V-A2 in the generator's words")
    func generatedAcrossPages() throws {
        var generator = try WALGenerator(
            LogicalMessageSource(prefix: "abc", payload: Array("hello".utf8)),
            version: .v16,
            startingAt: LSN(0x200_1FE0)
        )
        let first = generator.next()
        let message = try #require(first)
        #expect(message.bytes == Array(Self.acrossPages.prefix(88)))
        let end = generator.append(.segmentSwitch)
        #expect(end.next.description == "0/3000000")
    }

    @Test("V-A3: whole")
    func behindALongHeader() {
        let decoded = DecodedStream(Self.behindLongHeader, version: .v17, startingAt: LSN(0x200_0000))
        #expect(decoded.error == nil)
        #expect(decoded.bytes == Self.message)
        #expect(decoded.records.map(\.start.description) == ["0/2000028"])
        #expect(decoded.records.map(\.end.description) == ["0/2000063"])
        #expect(decoded.records.map(\.next.description) == ["0/2000068"])
        #expect(decoded.nextRecordStart.description == "0/2000068")
    }

    @Test("V-A3: cut short", arguments: 0...104)
    func cut(count: Int) {
        let decoded = DecodedStream(
            Array(Self.behindLongHeader.prefix(count)),
            version: .v17,
            startingAt: LSN(0x200_0000)
        )
        #expect(decoded.error == nil)
        #expect(decoded.records.count == (count < 99 ? 0 : 1))
        // Where the reference decoder's position stays while more is needed.
        let expected = count < 40 ? "0/2000000" : count < 99 ? "0/2000028" : "0/2000068"
        #expect(decoded.nextRecordStart.description == expected)
    }

    @Test(
        "V-A3: a byte changed",
        arguments: [
            (0, UInt8(0x17), "invalid xlog page header: xlp_magic=53527, expected 53526 at 0/2000000"),
            (40, 0x17, "invalid xl_tot_len 23 at 0/2000028"),
            (90, 0, "WAL record crc mismatch at 0/2000063"),
        ]
    )
    func damaged(offset: Int, byte: UInt8, text: String) {
        var bytes = Self.behindLongHeader
        bytes[offset] = byte
        let decoded = DecodedStream(bytes, version: .v17, startingAt: LSN(0x200_0000))
        #expect(decoded.records.isEmpty)
        #expect(decoded.error?.referenceText == text)
        #expect(decoded.error?.condition == .corrupt)
    }

    @Test("V-A4: an empty switch")
    func emptySwitch() throws {
        let decoded = DecodedStream(Self.emptySwitch, startingAt: LSN(0x200_0028))
        #expect(decoded.records.map(\.next.description) == ["0/3000000"])
        #expect(decoded.bytes == Self.emptySwitch)
        var generator = try WALGenerator(NoRecords(), version: .v16, startingAt: LSN(0x200_0028))
        let element = generator.append(.segmentSwitch)
        #expect(Array(element.bytes.prefix(24)) == Self.emptySwitch)
    }

    @Test("Only info 0x40 exactly is a switch")
    func lowInfoBitsAreNotMasked() {
        let record = craftedRecord(resourceManager: .xlog, info: 0x41, fragments: [])
        let decoded = DecodedStream(record, startingAt: LSN(0x200_0028))
        #expect(decoded.records.map(\.next.description) == ["0/2000040"])
    }

    @Test("A switch that ends with its segment skips nothing")
    func switchAtSegmentEnd() {
        let decoded = DecodedStream(Self.emptySwitch, startingAt: LSN(0x2FF_FFE8))
        #expect(decoded.records.map(\.next.description) == ["0/3000000"])
    }

    @Test("Pages behind a switch are not looked at")
    func nothingIsReadBehindASwitch() throws {
        let size = try #require(WALSegmentSize(bytes: 1 << 20))
        var wal = try CraftedWAL(
            segmentSize: size,
            startingAt: LSN(0x20_0000),
            [.segmentSwitch, .ofLength(100)]
        )
        for offset in 64..<1 << 20 { wal.bytes[offset] = 0xAB }
        let decoded = wal.decoded()
        #expect(decoded.error == nil)
        #expect(decoded.records.map(\.next.description) == ["0/300000", "0/300090"])
    }
}
