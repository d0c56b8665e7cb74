import PostgresWAL
import TestFixtures
import Testing

/// Source: `wal-decoding.md` §13, V-A5 to V-A7, and `wal-interpretation.md` §17.5.
@Suite("Record vectors")
struct RecordVectorTests {
    @Test("V-A5: an image of a free space map's page")
    func imageWithHole() throws {
        let record = [UInt8](
            hex: """
                4900000062030000c8253b0600000000b0000000165440170011000018001800037f0600008b4000003b0a0000000000
                00000000000000000000000000180000200020042000000000
                """
        )
        let fields = try ParsedFields(parsing: record, version: .v17)
        #expect(record.span.bytes.littleEndian(at: 20, as: UInt32.self) == 0x1740_5416)
        #expect(fields.transactionID == 866)
        #expect(fields.info == 0xB0)
        #expect(fields.resourceManager == .xlog)
        #expect(fields.mainData.isEmpty)
        #expect(fields.mainDataOffset == 73)
        let block = try #require(fields.blocks.first)
        #expect(fields.blocks.count == 1)
        #expect(block.id == 0)
        #expect(block.flags == 0x11)
        #expect(block.place == [1663, 16523, 2619, 1, 0])
        #expect(block.dataLength == 0)
        #expect(block.hasImage && block.appliesImage && !block.willInit)
        #expect(block.image.length == 24)
        #expect(block.image.holeOffset == 24)
        #expect(block.image.holeLength == 8168)
        #expect(block.image.compression == nil)
        #expect(fields.images == [Array(record[49...])])
    }

    @Test("V-A6: two blocks of one relation")
    func sameRelation() throws {
        let record = [UInt8](
            hex: """
                3b0000000000000098c5b70200000000400900001c6e3535000200007f06000005000000014000000000000001800000
                01000000ff05e302000001
                """
        )
        let fields = try ParsedFields(parsing: record, version: .v17)
        #expect(fields.resourceManager == .heap2)
        #expect(fields.blocks.map(\.place) == [[1663, 5, 16385, 2, 0], [1663, 5, 16385, 0, 1]])
        #expect(fields.blocks.map(\.flags) == [0x02, 0x80])
        #expect(fields.blocks.map(\.id) == [0, 1])
        #expect(fields.mainDataOffset == 54)
        #expect(fields.mainData == [0xE3, 2, 0, 0, 1])
        #expect(fields.blockData == [[], []])
    }

    @Test("V-A7: image flags by version")
    func imageFlags() throws {
        // Flags 0x05: a plain image with a hole in 14; one compressed with pglz and not applied later.
        let plain = image(flags: 0x05, length: 24, holeOffset: 24, holeLength: nil)
        let packed = image(flags: 0x05, length: 24, holeOffset: 24, holeLength: 8000)
        let plain14 = try parsedImage(plain, .v14)
        #expect(plain14.image.holeLength == 8168)
        #expect(plain14.appliesImage && plain14.image.compression == nil)
        for version in [PostgresMajorVersion.v15, .v16, .v17] {
            let block = try parsedImage(packed, version)
            #expect(block.image.holeLength == 8000)
            #expect(!block.appliesImage && block.image.compression == .pglz)
        }
        // Flags 0x03: the other way round.
        let packed14 = try parsedImage(image(flags: 0x03, length: 24, holeOffset: 24, holeLength: 8000), .v14)
        #expect(packed14.image.holeLength == 8000)
        #expect(!packed14.appliesImage && packed14.image.compression == .pglz)
        for version in [PostgresMajorVersion.v15, .v16, .v17] {
            let block = try parsedImage(image(flags: 0x03, length: 24, holeOffset: 24, holeLength: nil), version)
            #expect(block.image.holeLength == 8168)
            #expect(block.appliesImage && block.image.compression == nil)
        }
    }

    @Test("Compression methods", arguments: PostgresMajorVersion.allCases)
    func compressionMethods(version: PostgresMajorVersion) throws {
        let flags = version.imageFlags
        var methods: [(UInt8, BlockImage.Compression)] = [(flags.pglz, .pglz)]
        if version != .v14 { methods += [(flags.lz4, .lz4), (flags.zstd, .zstd)] }
        for (bit, compression) in methods {
            for apply in [0, flags.apply] {
                let record = image(flags: bit | flags.hasHole | apply, length: 100, holeOffset: 50, holeLength: 7)
                let block = try parsedImage(record, version)
                #expect(block.image.compression == compression)
                #expect(block.image.isCompressed)
                #expect(block.appliesImage == (apply != 0))
                #expect(block.image.holeLength == 7)
            }
            let whole = try parsedImage(image(flags: bit, length: 100, holeOffset: 0, holeLength: nil), version)
            #expect(whole.image.holeLength == 0)
            #expect(whole.image.compression == compression)
        }
        #expect(flags.anyCompression == methods.reduce(0) { $0 | $1.0 })
    }

    private func image(flags: UInt8, length: UInt16, holeOffset: UInt16, holeLength: UInt16?) -> [UInt8] {
        var fragments: [UInt8] = [0, 0x10, 0, 0]
        fragments.appendLittleEndian(length)
        fragments.appendLittleEndian(holeOffset)
        fragments.append(flags)
        if let holeLength { fragments.appendLittleEndian(holeLength) }
        for number in [1663, 5, 16384, 9] as [UInt32] { fragments.appendLittleEndian(number) }
        fragments += [UInt8](repeating: 0x5A, count: Int(length))
        return craftedRecord(resourceManager: .xlog, info: 0xB0, fragments: fragments)
    }

    private func parsedImage(_ record: [UInt8], _ version: PostgresMajorVersion) throws -> BlockReference {
        let fields = try ParsedFields(parsing: record, version: version)
        #expect(fields.blocks.count == 1)
        #expect(fields.images == [[UInt8](repeating: 0x5A, count: Int(fields.blocks[0].image.length))])
        return fields.blocks[0]
    }

    struct Row: Sendable, CustomTestStringConvertible {
        struct Block: Hashable, Sendable {
            var id: UInt8 = 0
            var place: [UInt32]
            var willInit = false
            var dataLength: UInt16 = 0
            var imageLength: UInt16?
            var appliesImage = false
        }

        var name: String
        var version = PostgresMajorVersion.v17
        var next: UInt64 = 0x200_0100
        var manager: UInt8
        var info: UInt8
        var xid: UInt32 = 700
        var blocks: [Block] = []
        var main: String
        var origin: UInt16 = 0
        var topXID: UInt32?
        var hex: String

        var testDescription: String { name }
    }

    @Test("Records of the interpretation sheet", arguments: RecordVectors.real + RecordVectors.crafted)
    func interpretationVectors(row: Row) throws {
        let record = [UInt8](hex: row.hex)
        let fields = try ParsedFields(parsing: record, version: row.version)
        #expect(fields.resourceManager.rawValue == row.manager)
        #expect(fields.info == row.info)
        #expect(fields.transactionID == row.xid)
        #expect(fields.mainData == [UInt8](hex: row.main))
        #expect(fields.mainDataOffset == record.count - fields.mainData.count)
        #expect(fields.origin == row.origin)
        #expect(fields.topLevelTransactionID == row.topXID)
        let blocks = fields.blocks.map {
            Row.Block(
                id: $0.id,
                place: $0.place,
                willInit: $0.willInit,
                dataLength: $0.dataLength,
                imageLength: $0.hasImage ? $0.image.length : nil,
                appliesImage: $0.appliesImage
            )
        }
        #expect(blocks == row.blocks)

        // At the place where the sheet has it, the record ends where the sheet says.
        let padded = UInt64(record.count + 7) & ~7
        if row.info != 0x40 || row.manager != 0 {
            let start = LSN(row.next - padded)
            let bytesOnPage = start.remainingInPage
            if bytesOnPage >= record.count && start.pageOffset >= 40 {
                let decoded = DecodedStream(record, version: row.version, startingAt: start)
                #expect(decoded.records.map(\.next) == [LSN(row.next)])
            }
        }
    }
}
