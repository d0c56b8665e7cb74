import InterpretedWAL
import TestFixtures
import Testing

/// Damaged messages: each is refused with a typed error or read as some other message, and costs no more than its size.
@Suite struct MutationTests {
    static let roundsPerForm = 34_000

    @Test(arguments: InterpretedFormat.allCases) func plainMessages(format: InterpretedFormat) throws {
        let wire = WireFormat(format: format)
        var (refused, accepted) = (0, 0)
        try forEachMutation(of: wire) { bytes, seed in
            do {
                let batch = try wire.decode(bytes)
                accepted += 1
                let rawSize = batch.records.reduce(0) { $0 + $1.batch.rawBytes.count }
                #expect(rawSize <= bytes.count, "seed \(seed)")
                // What was read can be written, and read again as the same.
                let again = try wire.decode(try wire.encode(batch))
                #expect(again == batch, "seed \(seed)")
            } catch let error as WireError {
                refused += 1
                #expect(!error.description.isEmpty, "seed \(seed)")
            }
        }
        #expect(refused > 1_000 && accepted > 1_000, "\(refused) refused, \(accepted) accepted")
    }

    @Test func compressedMessages() throws {
        let limit = 1 << 20
        var decompressor = try ZstdDecompressor(limit: limit)
        var content = OutputBuffer()
        var (refused, accepted) = (0, 0)
        try forEachMutation(of: WireFormat(format: .protobuf, compression: .zstd(level: 1))) { bytes, seed in
            content.removeAll()
            do {
                try decompressor.decompress(bytes.span.bytes, into: &content)
                accepted += 1
            } catch let error as CompressionError {
                refused += 1
                #expect(!error.description.isEmpty, "seed \(seed)")
                return
            }
            let (count, capacity) = (content.count, content.capacity)
            #expect(count <= limit && capacity <= 2 * limit + 2, "seed \(seed)")
            do {
                _ = try InterpretedBatch(protobuf: content.bytes)
            } catch let error as WireError {
                #expect(!error.description.isEmpty, "seed \(seed)")
            }
        }
        #expect(refused > 1_000 && accepted > 1_000, "\(refused) refused, \(accepted) accepted")
    }

    /// Calls `body` with damaged forms of random messages, and the seed of each.
    private func forEachMutation(of wire: WireFormat, _ body: ([UInt8], UInt64) throws -> Void) throws {
        var original: [UInt8] = []
        for seed in 0..<UInt64(Self.roundsPerForm) {
            var generator = SeededGenerator(seed: seed)
            if seed % 50 == 0 { original = try wire.encode(generator.batch(recordsUpTo: 3)) }
            try body(generator.mutation(of: original), seed)
        }
    }
}

extension SeededGenerator {
    /// A copy of `bytes` with one to three damages.
    fileprivate mutating func mutation(of bytes: [UInt8]) -> [UInt8] {
        var damaged = bytes
        for _ in 0..<Int.random(in: 1...3, using: &self) where !damaged.isEmpty {
            let index = Int.random(in: 0..<damaged.count, using: &self)
            switch Int.random(in: 0..<7, using: &self) {
            case 0: damaged[index] = UInt8(truncatingIfNeeded: next())
            case 1: damaged[index] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 2: damaged[index] = [0x00, 0x7F, 0x80, 0xFF][Int.random(in: 0..<4, using: &self)]
            case 3: damaged.removeLast(damaged.count - index)
            case 4: damaged.insert(UInt8(truncatingIfNeeded: next()), at: index)
            case 5: damaged.remove(at: index)
            default:
                let end = Int.random(in: index..<damaged.count, using: &self)
                damaged.insert(contentsOf: damaged[index..<end], at: index)
            }
        }
        return damaged
    }
}
