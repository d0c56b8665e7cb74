import PostgresWAL
import TestFixtures
import Testing

@Suite("pglz")
struct PGLZTests {
    /// Restores a page whose last `count` bytes are a hole from what the items give.
    private func decompressed(_ items: [PGLZEncoder.Item], count: Int) throws -> [UInt8] {
        try decompressed(bytes: PGLZEncoder.encode(items), count: count)
    }

    private func decompressed(bytes: [UInt8], count: Int) throws -> [UInt8] {
        let page = try BlockImageTests.restored(
            bytes,
            compression: 0x04,
            holeOffset: count,
            holeLength: RelationPage.size - count
        )
        #expect(page[count...].allSatisfy { $0 == 0 })
        return Array(page[..<count])
    }

    @Test func literals() throws {
        let bytes = Array("twenty literal bytes".utf8)
        #expect(try decompressed(bytes.map { .literal($0) }, count: 20) == bytes)
    }

    @Test("The bytes themselves")
    func vectors() throws {
        // Three literals, then nine bytes from three back: abcabcabcabc.
        #expect(try decompressed(bytes: [UInt8](hex: "08 616263 0603"), count: 12) == Array("abcabcabcabc".utf8))
        // One literal, then 272 times the same: a third byte carries what fifteen can't.
        #expect(
            try decompressed(bytes: [UInt8](hex: "02 78 0f01 fe"), count: 273) == [UInt8](repeating: 0x78, count: 273)
        )
        #expect(
            try decompressed(bytes: [UInt8](hex: "02 78 0f01 ff"), count: 274) == [UInt8](repeating: 0x78, count: 274)
        )
        // Distance 256 uses the high nibble.
        let start = (0...255).map { UInt8($0) }
        let items = start.map { PGLZEncoder.Item.literal($0) }
        #expect(
            try decompressed(items + [.match(distance: 256, length: 18), .literal(1)], count: 275)
                == start + (0..<18).map { UInt8($0) } + [1]
        )
    }

    @Test("Every length and distance of matches")
    func matches() throws {
        var generator = SeededGenerator(seed: 21)
        let start = generator.bytes(4095)
        let literals = start.map { PGLZEncoder.Item.literal($0) }
        for length in 3...273 {
            let distance = [1, 2, 3, 15, 16, 255, 256, 4094, 4095, Int.random(in: 1...4095, using: &generator)]
            for distance in distance.shuffled(using: &generator).prefix(2) {
                var expected = start
                for _ in 0..<length { expected.append(expected[expected.count - distance]) }
                let found = try decompressed(
                    literals + [.match(distance: distance, length: length)],
                    count: expected.count
                )
                #expect(found == expected, "length \(length), distance \(distance)")
            }
        }
    }

    @Test("A match that runs past the page's end is cut")
    func matchPastTheEnd() throws {
        #expect(
            try decompressed([.literal(9), .match(distance: 1, length: 100)], count: 50)
                == [UInt8](repeating: 9, count: 50)
        )
    }

    static let broken: [(String, String, Int)] = [
        ("nothing", "", 5),
        ("only a control byte", "00", 1),
        ("distance beyond the start", "02 78 0002", 5),
        ("match first", "01 0001", 4),
        ("distance 0", "02 78 0000", 4),
        ("match cut behind its first byte", "02 78 00", 4),
        ("long match without its third byte", "02 78 0f01", 20),
        ("too few bytes", "00 616263", 4),
        ("bytes left over", "00 616263", 2),
        ("a match left over", "08 616263 0003", 3),
        ("a control byte left over", "08 616263 0603 00", 12),
    ]

    @Test("Broken input", arguments: broken.indices)
    func brokenInput(index: Int) {
        let (_, hex, count) = Self.broken[index]
        let error = #expect(throws: BlockImageError.self) { try decompressed(bytes: [UInt8](hex: hex), count: count) }
        #expect(error?.compression == .pglz)
        #expect(error?.expected == count)
    }

    @Test("Any bytes at all end in a page or an error", arguments: [UInt64(1), 2])
    func garbage(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let bytes = generator.bytes(Int.random(in: 0..<600, using: &generator))
            let page = try? decompressed(bytes: bytes, count: Int.random(in: 1..<8192, using: &generator))
            #expect(page == nil || page?.isEmpty == false)
        }
    }
}
