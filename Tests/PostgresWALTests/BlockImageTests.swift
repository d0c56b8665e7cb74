import CLZ4
import CZstd
import PostgresWAL
import TestFixtures
import Testing

@Suite("Block images")
struct BlockImageTests {
    /// A page, and where its hole is.
    struct Page: Sendable {
        var bytes: [UInt8]
        var holeOffset: Int
        var holeLength: Int

        /// The page without its hole.
        var packed: [UInt8] {
            Array(bytes[..<holeOffset] + bytes[(holeOffset + holeLength)...])
        }

        /// A page of compressible words with a hole of zeros.
        static func random(using generator: inout SeededGenerator, hasHole: Bool) -> Page {
            let words = (0..<8).map { _ in generator.bytes(Int.random(in: 1...40, using: &generator)) }
            var bytes: [UInt8] = []
            while bytes.count < RelationPage.size {
                bytes += words.randomElement(using: &generator) ?? []
                if Int.random(in: 0..<4, using: &generator) == 0 { bytes += generator.bytes(5) }
            }
            bytes.removeLast(bytes.count - RelationPage.size)
            guard hasHole else { return Page(bytes: bytes, holeOffset: 0, holeLength: 0) }
            let offset = Int.random(in: 1..<8000, using: &generator)
            let length = Int.random(in: 1...RelationPage.size - offset, using: &generator)
            for index in offset..<offset + length { bytes[index] = 0 }
            return Page(bytes: bytes, holeOffset: offset, holeLength: length)
        }
    }

    /// Puts an image into a record, parses that and restores the page.
    static func restored(
        _ image: [UInt8],
        compression: UInt8,
        holeOffset: Int,
        holeLength: Int,
        version: PostgresMajorVersion = .v16
    ) throws -> [UInt8] {
        var fragments: [UInt8] = [0, 0x10, 0, 0]
        fragments.appendLittleEndian(UInt16(image.count))
        fragments.appendLittleEndian(UInt16(holeOffset))
        fragments.append(compression | (holeLength > 0 ? 1 : 0))
        if compression != 0 && holeLength > 0 { fragments.appendLittleEndian(UInt16(holeLength)) }
        for number in [1663, 5, 16384, 9] as [UInt32] { fragments.appendLittleEndian(number) }
        let record = craftedRecord(resourceManager: .xlog, info: 0xB0, fragments: fragments + image)
        let fields = try ParsedFields(parsing: record, version: version)
        return try restore(fields.blocks[0].image, from: fields.images[0])
    }

    static func restore(_ image: BlockImage, from bytes: [UInt8]) throws(BlockImageError) -> [UInt8] {
        var page = [UInt8](repeating: 0xA5, count: RelationPage.size)
        var span = page.mutableSpan
        var raw = span.mutableBytes
        try image.restore(from: bytes.span.bytes, into: &raw)
        return page
    }

    @Test("Without compression", arguments: [UInt64(1), 2])
    func plain(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for round in 0..<100 {
            let page = Page.random(using: &generator, hasHole: round % 4 != 0)
            let restored = try Self.restored(
                page.packed,
                compression: 0,
                holeOffset: page.holeOffset,
                holeLength: page.holeLength
            )
            #expect(restored == page.bytes, "round \(round)")
        }
    }

    @Test("lz4 and zstd", arguments: [UInt8(0x08), 0x10], [UInt64(1), 2])
    func librariesRoundTrip(compression: UInt8, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for round in 0..<100 {
            let page = Page.random(using: &generator, hasHole: round % 4 != 0)
            let image = compression == 0x08 ? lz4(page.packed) : zstd(page.packed)
            // PostgreSQL keeps the page as it is when compression doesn't make it smaller.
            guard image.count < RelationPage.size else { continue }
            let restored = try Self.restored(
                image,
                compression: compression,
                holeOffset: page.holeOffset,
                holeLength: page.holeLength
            )
            #expect(restored == page.bytes, "round \(round)")
        }
    }

    @Test("pglz", arguments: [UInt64(1), 2])
    func pglzRoundTrip(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for round in 0..<100 {
            let page = Page.random(using: &generator, hasHole: round % 4 != 0)
            let image = PGLZEncoder.compress(page.packed)
            guard image.count < RelationPage.size else { continue }
            for (version, flag) in [(PostgresMajorVersion.v14, UInt8(0x02)), (.v17, 0x04)] {
                let restored = try Self.restored(
                    image,
                    compression: flag,
                    holeOffset: page.holeOffset,
                    holeLength: page.holeLength,
                    version: version
                )
                #expect(restored == page.bytes, "round \(round)")
            }
        }
    }

    @Test("Cut or damaged images are errors or pages", arguments: [UInt8(0x04), 0x08, 0x10])
    func broken(compression: UInt8) throws {
        var generator = SeededGenerator(seed: 11)
        let page = Page.random(using: &generator, hasHole: true)
        let image =
            compression == 0x04
            ? PGLZEncoder.compress(page.packed) : compression == 0x08 ? lz4(page.packed) : zstd(page.packed)
        for _ in 0..<500 {
            let cut = Array(image.prefix(Int.random(in: 0..<image.count, using: &generator)))
            #expect(throws: BlockImageError.self) {
                try Self.restored(
                    cut,
                    compression: compression,
                    holeOffset: page.holeOffset,
                    holeLength: page.holeLength
                )
            }
            var damaged = image
            damaged[Int.random(in: 0..<image.count, using: &generator)] ^=
                1 << UInt8.random(in: 0..<8, using: &generator)
            let restored = try? Self.restored(
                damaged,
                compression: compression,
                holeOffset: page.holeOffset,
                holeLength: page.holeLength
            )
            #expect(restored == nil || restored?.count == RelationPage.size)
        }
    }

    @Test("A hole of another length than the page lacks")
    func wrongHole() throws {
        var generator = SeededGenerator(seed: 5)
        let page = Page.random(using: &generator, hasHole: true)
        for compressed in [(lz4(page.packed), UInt8(0x08)), (zstd(page.packed), 0x10)] {
            for length in [page.holeLength - 1, page.holeLength + 1] where length > 0 {
                let error = #expect(throws: BlockImageError.self) {
                    try Self.restored(
                        compressed.0,
                        compression: compressed.1,
                        holeOffset: 1,
                        holeLength: length
                    )
                }
                #expect(error?.length == compressed.0.count)
                #expect(error?.expected == RelationPage.size - length)
            }
        }
    }

    @Test func bytesOfAnotherLengthAreRefused() throws {
        let image = BlockImageTests.plainImage
        #expect(throws: BlockImageError.self) {
            try Self.restore(image, from: [UInt8](repeating: 1, count: 23))
        }
        let error = #expect(throws: BlockImageError.self) { try Self.restore(image, from: []) }
        #expect(error?.description == "a page image of 0 bytes does not give the 24 bytes of the page")
    }

    @Test func aPageOfAnotherSizeIsRefused() {
        var page = [UInt8](repeating: 0, count: 8191)
        var span = page.mutableSpan
        var raw = span.mutableBytes
        var error: BlockImageError?
        do {
            try Self.plainImage.restore(from: [UInt8](repeating: 1, count: 24).span.bytes, into: &raw)
        } catch let found {
            error = found
        }
        #expect(error != nil)
    }

    /// 24 bytes in front of a hole that reaches to the page's end.
    private static var plainImage: BlockImage {
        let record = craftedRecord(
            resourceManager: .xlog,
            info: 0xB0,
            fragments: [UInt8](hex: "00100000 18001800 03 7f060000 05000000 00400000 09000000")
                + [UInt8](repeating: 1, count: 24)
        )
        guard let fields = try? ParsedFields(parsing: record, version: .v16) else {
            preconditionFailure("the image is well formed")
        }
        return fields.blocks[0].image
    }

    private func lz4(_ page: [UInt8]) -> [UInt8] {
        var output = [CChar](repeating: 0, count: Int(LZ4_compressBound(Int32(page.count))))
        let count = page.withUnsafeBytes {
            LZ4_compress_default($0.baseAddress, &output, Int32($0.count), Int32(output.count))
        }
        return output.prefix(Int(count)).map { UInt8(bitPattern: $0) }
    }

    private func zstd(_ page: [UInt8]) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: ZSTD_compressBound(page.count))
        let count = ZSTD_compress(&output, output.count, page, page.count, 1)
        return Array(output.prefix(count))
    }
}
