import PostgresWAL
import TestFixtures
import Testing

/// Records whose CRC is right and whose fragments are not.
@Suite("Layout faults")
struct RecordLayoutTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var fragments: [UInt8]
        var fault: RecordLayoutFault
        var version = PostgresMajorVersion.v16
        var testDescription: String { name }

        init(
            _ name: String,
            _ hex: String,
            zeros: Int = 0,
            _ fault: RecordLayoutFault,
            version: PostgresMajorVersion = .v16
        ) {
            self.name = name
            fragments = [UInt8](hex: hex) + [UInt8](repeating: 0, count: zeros)
            self.fault = fault
            self.version = version
        }
    }

    /// Relation 1663/5/16384, block 9.
    private static let place = "7f060000 05000000 00400000 09000000"

    static let truncated: [Row] = [
        Row("short main data header", "ff", .truncated(offset: 24)),
        Row("long main data header", "fe 010000", .truncated(offset: 24)),
        Row("origin", "fd 01", .truncated(offset: 24)),
        Row("top-level transaction", "fc 010000", .truncated(offset: 24)),
        Row("block header", "00 0000", .truncated(offset: 24)),
        Row("second fragment", "fd 0100 fc 01", .truncated(offset: 27)),
        Row("relation", "00 000000 7f060000 05000000 00400000 090000", .truncated(offset: 24)),
        Row("block number of the same relation", "00 000000 \(place) 01 800000 090000", .truncated(offset: 44)),
        Row("image header", "00 100000 18001800", .truncated(offset: 28)),
        Row("hole length", "00 100000 18001800 05 40", .truncated(offset: 33)),
    ]

    static let others: [Row] = [
        Row("unknown ID 33", "21 00000000", .unknownFragment(id: 33, offset: 24)),
        Row("unknown ID 251", "fd 0100 fb 00000000", .unknownFragment(id: 251, offset: 27)),
        Row(
            "unknown ID behind a block",
            "00 000000 \(place) 28 00000000",
            .unknownFragment(id: 40, offset: 44)
        ),
        Row("the same block ID twice", "00 000000 \(place) 00 000000 \(place)", .blockOrder(id: 0)),
        Row("falling block IDs", "02 000000 \(place) 01 000000 \(place)", .blockOrder(id: 1)),
        Row("a data length without the flag", "00 000300 \(place) 000000", .dataFlag(block: 0, length: 3)),
        Row("the flag without a data length", "05 200000 \(place) ff00", .dataFlag(block: 5, length: 0)),
        Row("no relation before", "00 800000 09000000", .noPreviousRelation(block: 0)),
        Row("fork 4", "00 040000 \(place)", .fork(block: 0, fork: 4)),
        Row("fork 15", "07 0f0000 \(place)", .fork(block: 7, fork: 15)),
        Row("main data too short", "ff05 00000000", .lengthMismatch(declared: 5, found: 4)),
        Row("main data too long", "ff03 00000000", .lengthMismatch(declared: 3, found: 4)),
        Row("4 GiB of main data", "fe ffffffff 00000000", .lengthMismatch(declared: 0xFFFF_FFFF, found: 4)),
        Row(
            "block data too short",
            "00 200500 \(place) ff02 00000000",
            .lengthMismatch(declared: 7, found: 4)
        ),
        Row("65535 bytes of block data", "00 20ffff \(place)", .lengthMismatch(declared: 65535, found: 0)),
    ]

    /// What an image fault names, read off the bytes by hand.
    private static func image(
        _ name: String,
        _ length: UInt16,
        _ holeOffset: UInt16,
        _ info: UInt8,
        holeLength: UInt16? = nil,
        reported: UInt16,
        _ version: PostgresMajorVersion = .v16
    ) -> Row {
        var fragments: [UInt8] = [0, 0x10, 0, 0]
        fragments.appendLittleEndian(length)
        fragments.appendLittleEndian(holeOffset)
        fragments.append(info)
        if let holeLength { fragments.appendLittleEndian(holeLength) }
        var row = Row(
            name,
            "",
            .imageLayout(block: 0, length: length, holeOffset: holeOffset, holeLength: reported, info: info),
            version: version
        )
        row.fragments = fragments + [UInt8](hex: place) + [UInt8](repeating: 0, count: Int(length))
        return row
    }

    static let images: [Row] = [
        image("hole at 0", 24, 0, 0x03, reported: 8168),
        image("hole in a whole page", 8192, 24, 0x03, reported: 0),
        image("hole past the page's end", 100, 200, 0x03, reported: 8092),
        image("compressed hole at 0", 24, 0, 0x05, holeLength: 100, reported: 100),
        image("compressed hole of 0", 24, 24, 0x05, holeLength: 0, reported: 0),
        image("compressed hole past the page's end", 24, 8000, 0x05, holeLength: 193, reported: 193),
        image("compressed hole of 64 KiB", 24, 0xFFFF, 0x05, holeLength: 0xFFFF, reported: 0xFFFF),
        image("a hole's place without a hole", 8192, 24, 0x02, reported: 0),
        image("no hole and less than a page", 8000, 0, 0x02, reported: 192),
        image("longer than a page", 8193, 0, 0x02, reported: 0),
        image("longer than a page with a hole", 0xFFFF, 24, 0x03, reported: 0),
        image("compressed and as long as a page", 8192, 0, 0x06, reported: 0),
        image("compressed and longer than a page", 9000, 0, 0x06, reported: 0),
        image("14: compressed and as long as a page", 8192, 0, 0x02, reported: 0, .v14),
        image("14: lz4 is not known", 100, 0, 0x08, reported: 8092, .v14),
    ]

    @Test(arguments: truncated + others + images)
    func fault(row: Row) {
        let record = craftedRecord(fragments: row.fragments)
        let expected = WALDecodeError(
            lsn: LSN(0x200_0028),
            reason: .layout(row.fault),
            recordStart: LSN(0x200_0028)
        )
        #expect(throws: expected) { try ParsedFields(parsing: record, version: row.version) }
        #expect(!row.fault.description.isEmpty)
    }

    @Test func faultsAreNamedInTheError() {
        let error = WALDecodeError(lsn: LSN(0x28), reason: .layout(.fork(block: 7, fork: 15)))
        #expect(error.description == "invalid record: block 7 is in fork 15, at most 3 expected at 0/28")
    }

    @Test("The decoder goes on behind a record with a fault")
    func theStreamGoesOn() throws {
        let bad = craftedRecord(fragments: [33, 0, 0, 0, 0, 0, 0, 0])
        let wal = bad + craftedRecord(fragments: [255, 6, 1, 2, 3, 4, 5, 6])
        var decoder = try WALStreamDecoder(version: .v16, startingAt: LSN(0x200_0028))
        var parsed = ParsedRecord(version: .v16)
        var input = wal.span.bytes
        var outcomes: [Bool] = []
        while let record = try decoder.next(&input) {
            do {
                try parsed.parse(record)
                outcomes.append(true)
            } catch {
                // What was parsed before is gone.
                #expect(parsed.blockCount == 0)
                #expect(parsed.mainDataLength == 0)
                outcomes.append(false)
            }
        }
        #expect(outcomes == [false, true])
        #expect(parsed.mainDataLength == 6)
    }

    @Test("Everything a record may have at once")
    func everything() throws {
        var fragments: [UInt8] = []
        for id in 0..<UInt8(33) {
            // The first names the relation, the others refer to it; odd ones have data.
            let flags: UInt8 = (id == 0 ? 0 : 0x80) | (id % 2 == 1 ? 0x20 : 0) | (id % 4 == 2 ? 0x40 : 0) | id % 4
            fragments += [id, flags]
            fragments.appendLittleEndian(UInt16(id % 2 == 1 ? id : 0))
            if id == 0 { fragments += [UInt8](hex: "7f060000 05000000 00400000") }
            fragments.appendLittleEndian(UInt32(id) * 1000)
        }
        fragments += [253, 0x34, 0x12, 252, 0x78, 0x56, 0x34, 0x12, 254, 44, 1, 0, 0]
        for id in stride(from: UInt8(1), to: 33, by: 2) { fragments += [UInt8](repeating: id, count: Int(id)) }
        fragments += [UInt8](repeating: 0xEE, count: 300)
        let fields = try ParsedFields(parsing: craftedRecord(fragments: fragments), version: .v16)
        #expect(fields.blocks.map(\.id) == Array(0..<33))
        #expect(fields.origin == 0x1234)
        #expect(fields.topLevelTransactionID == 0x1234_5678)
        #expect(fields.mainData == [UInt8](repeating: 0xEE, count: 300))
        for (index, block) in fields.blocks.enumerated() {
            let id = UInt8(index)
            #expect(block.place == [1663, 5, 16384, UInt32(id % 4), UInt32(id) * 1000])
            #expect(block.willInit == (id % 4 == 2))
            #expect(fields.blockData[index] == [UInt8](repeating: id, count: id % 2 == 1 ? Int(id) : 0))
        }
    }

    @Test("What the record before had is not kept")
    func nothingIsLeftOver() throws {
        let full = craftedRecord(fragments: [UInt8](hex: "fd 3412 fc 78563412 ff 02 aabb"))
        let empty = craftedRecord(fragments: [])
        let wal = full + [UInt8](repeating: 0, count: (8 - full.count % 8) % 8) + empty
        var decoder = try WALStreamDecoder(version: .v16, startingAt: LSN(0x200_0028))
        var parsed = ParsedRecord(version: .v16)
        var input = wal.span.bytes
        var seen: [ParsedFields] = []
        while let record = try decoder.next(&input) {
            try parsed.parse(record)
            seen.append(ParsedFields(record, parsed))
        }
        #expect(seen.map(\.origin) == [0x1234, 0])
        #expect(seen.map(\.topLevelTransactionID) == [0x1234_5678, nil])
        #expect(seen.map(\.mainData) == [[0xAA, 0xBB], []])
    }
}
