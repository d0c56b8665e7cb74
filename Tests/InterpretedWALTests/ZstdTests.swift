import InterpretedWAL
import TestFixtures
import Testing

/// Source: `wal-interpretation.md` §14.
@Suite struct ZstdTests {
    private func compress(_ bytes: [UInt8], level: Int8 = 1, checksums: Bool = false) throws -> [UInt8] {
        var compressor = try ZstdCompressor(level: level, checksums: checksums)
        var output = OutputBuffer()
        try compressor.compress(bytes.span.bytes, into: &output)
        return output.array
    }

    private func decompress(_ bytes: [UInt8], limit: Int = ZstdDecompressor.defaultLimit) throws -> [UInt8] {
        var decompressor = try ZstdDecompressor(limit: limit)
        var output = OutputBuffer()
        try decompressor.decompress(bytes.span.bytes, into: &output)
        return output.array
    }

    @Test(arguments: [0, 1, 100, 1 << 17, 1 << 20]) func frameHeader(size: Int) throws {
        let frame = try compress([UInt8](repeating: 3, count: size))
        #expect(frame.prefix(6) == [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x48])
        let restored = try decompress(frame) == [UInt8](repeating: 3, count: size)
        #expect(restored)
    }

    @Test func withChecksumsEveryFlippedBitIsFound() throws {
        var generator = SeededGenerator(seed: 1)
        let content = generator.bytes(upTo: 3_000) + [UInt8](repeating: 7, count: 1_000)
        let frame = try compress(content, checksums: true)
        for bit in 0..<frame.count * 8 {
            var damaged = frame
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            // The window may be another: what counts is the content.
            let restored = try? decompress(damaged)
            #expect(restored == nil || restored == content, "bit \(bit)")
        }
    }

    @Test func randomContentOfManySizes() throws {
        var compressor = try ZstdCompressor(level: 1)
        var decompressor = try ZstdDecompressor()
        var frame = OutputBuffer()
        var content = OutputBuffer()
        for seed in 0..<200 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            // Some runs, some noise: both compressible and not.
            let noise = generator.bytes(upTo: 3_000)
            let bytes = noise + [UInt8](repeating: 1, count: Int(seed) * 997) + noise
            frame.removeAll()
            content.removeAll()
            try compressor.compress(bytes.span.bytes, into: &frame)
            try decompressor.decompress(frame.bytes, into: &content)
            let restored = content.array == bytes
            #expect(restored, "seed \(seed)")
        }
    }

    @Test func appendsToWhatIsThere() throws {
        var compressor = try ZstdCompressor(level: 1)
        var output = OutputBuffer()
        output.append([1, 2])
        try compressor.compress(([7, 7, 7] as [UInt8]).span.bytes, into: &output)
        let frame = Array(output.array.dropFirst(2))
        #expect(output.array.prefix(2) == [1, 2])
        var decompressor = try ZstdDecompressor()
        var content = OutputBuffer()
        content.append([9])
        try decompressor.decompress(frame.span.bytes, into: &content)
        #expect(content.array == [9, 7, 7, 7])
    }

    @Test func levelsAreClamped() throws {
        let highest = try ZstdCompressor(level: .max)
        let level = highest.level
        #expect(level == 22)
        let lowest = try ZstdCompressor(level: .min)
        let fastest = lowest.level
        #expect(fastest == -128)
    }

    // MARK: Malformed frames

    @Test func everyCutIsAnError() throws {
        let frame = SampleBatch.compressed
        for length in 0..<frame.count {
            #expect(throws: CompressionError.truncatedFrame) { try decompress(Array(frame[..<length])) }
        }
    }

    @Test func bytesBehindTheFrameAreAnError() throws {
        let frame = SampleBatch.compressed
        #expect(throws: CompressionError.trailingBytes(count: 1)) { try decompress(frame + [0]) }
        #expect(throws: CompressionError.trailingBytes(count: frame.count)) { try decompress(frame + frame) }
    }

    @Test func otherFramesAreRefused() {
        #expect(throws: CompressionError.notAFrame) { try decompress(hex("502a4d180100000000")) }
        #expect(throws: CompressionError.notAFrame) { try decompress([0, 0, 0, 0]) }
    }

    @Test func corruptFramesSayWhy() {
        var frame = SampleBatch.compressed
        frame[4] = 0x08
        #expect {
            try decompress(frame)
        } throws: { error in
            guard case .corrupt(_, let reason)? = error as? CompressionError else { return false }
            return !reason.isEmpty
        }
    }

    @Test func anErrorLeavesTheOutputAndTheStateUsable() throws {
        var decompressor = try ZstdDecompressor(limit: 1000)
        var output = OutputBuffer()
        output.append([5])
        for bytes in [SampleBatch.compressed.dropLast(), try compress([UInt8](repeating: 0, count: 5000))[...]] {
            let frame = Array(bytes)
            #expect(throws: CompressionError.self) { try decompressor.decompress(frame.span.bytes, into: &output) }
            #expect(output.array == [5])
        }
        let compressed = SampleBatch.compressed
        try decompressor.decompress(compressed.span.bytes, into: &output)
        #expect(output.array == [5] + SampleBatch.protobuf)
    }

    // MARK: Limits

    @Test func bombsStopAtTheLimit() throws {
        let limit = 1 << 20
        let bomb = try compress([UInt8](repeating: 0, count: 64 << 20))
        #expect(bomb.count < 10_000)
        var decompressor = try ZstdDecompressor(limit: limit)
        var output = OutputBuffer()
        #expect(throws: CompressionError.tooLarge(limit: limit)) {
            try decompressor.decompress(bomb.span.bytes, into: &output)
        }
        let (count, capacity) = (output.count, output.capacity)
        #expect(count == 0)
        #expect(capacity <= 2 * limit + 2)
    }

    @Test func contentOfExactlyTheLimitPasses() throws {
        for size in [0, 1, 4096, 1 << 18] {
            let frame = try compress([UInt8](repeating: 0, count: size))
            let restored = try decompress(frame, limit: size).count
            #expect(restored == size)
            guard size > 0 else { continue }
            #expect(throws: CompressionError.tooLarge(limit: size - 1)) { try decompress(frame, limit: size - 1) }
        }
    }

    /// Headers that promise 2^62 bytes, with a window of 512 KiB, of 2 GiB, and of the whole content.
    @Test(arguments: [
        "28b52ffd c0 48 0000000000000040", "28b52ffd c0 a8 0000000000000040", "28b52ffd e0 0000000000000040",
    ])
    func promisesAreNotBelieved(header: String) throws {
        var decompressor = try ZstdDecompressor()
        var output = OutputBuffer()
        #expect(throws: CompressionError.self) {
            try decompressor.decompress(hex(header).span.bytes, into: &output)
        }
        let capacity = output.capacity
        #expect(capacity <= 4096)
    }

    @Test func windowsBeyondTheLimitAreRefused() throws {
        let frame = try compress([1, 2, 3], level: 1)
        var decompressor = try ZstdDecompressor(windowLogMax: 18)
        var output = OutputBuffer()
        #expect(throws: CompressionError.self) { try decompressor.decompress(frame.span.bytes, into: &output) }
    }
}
