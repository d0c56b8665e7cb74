import PostgresClient
import PostgresWAL
import TestFixtures
import Testing
import WalProposer

/// The WAL in memory: what is in it, what is dropped, and what is noticed.
@Suite struct WALWindowTests {
    private static let base: UInt64 = 0x100_0000

    /// WAL in which each byte tells where it is.
    private static func byte(at position: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: position &* 0x9E37_79B9 >> 7) }

    private static func message(_ range: Range<UInt64>, header: Int = 25) -> CopyData {
        let bytes = [UInt8](repeating: 0xEE, count: header) + range.map(byte)
        return CopyData(copying: bytes.span.bytes)
    }

    private static func bytes(_ range: Range<UInt64>) -> [UInt8] { range.map(byte) }

    /// Any cuts, any overlaps, any reads: always the bytes that belong there.
    @Test func anyCuts() throws {
        for seed in UInt64(0)..<200 {
            var generator = SeededGenerator(seed: seed)
            let limit = Int.random(in: 2_000...20_000, using: &generator)
            var window = WALWindow(startingAt: LSN(Self.base), limit: limit)
            var end = Self.base
            for _ in 0..<300 {
                if window.hasRoom {
                    let from = end - min(UInt64.random(in: 0...50, using: &generator), end - Self.base)
                    let to = end + UInt64.random(in: 0...900, using: &generator)
                    try window.append(Self.message(from..<to), from: 25, at: LSN(from))
                    end = to
                }
                #expect(window.end == LSN(end), "seed \(seed)")
                let low = UInt64.random(in: window.start.rawValue...end, using: &generator)
                let high = UInt64.random(in: low...end, using: &generator)
                try #require(window.contains(LSN(low)..<LSN(high)), "seed \(seed)")
                #expect(window.bytes(in: LSN(low)..<LSN(high)) == Self.bytes(low..<high), "seed \(seed)")
                let position = UInt64.random(in: window.start.rawValue...end, using: &generator)
                window.trim(upTo: LSN(position))
                #expect(window.start.rawValue <= max(position, Self.base), "seed \(seed)")
            }
            // Once everything was sent there is room again.
            window.trim(upTo: LSN(end))
            #expect(window.hasRoom, "seed \(seed)")
            #expect(!window.contains(LSN(end)..<LSN(end + 1)))
        }
    }

    /// Many small messages count for more than their bytes.
    @Test func smallMessagesCount() throws {
        var window = WALWindow(startingAt: LSN(Self.base), limit: 10_000)
        var count: UInt64 = 0
        while window.hasRoom {
            try window.append(
                Self.message(Self.base + count..<Self.base + count + 1),
                from: 25,
                at: LSN(Self.base + count)
            )
            count += 1
        }
        #expect(count < 100)
    }

    @Test func gapsAndDifferences() throws {
        var window = WALWindow(startingAt: LSN(Self.base), limit: 1 << 20)
        try window.append(Self.message(Self.base..<Self.base + 100), from: 25, at: LSN(Self.base))
        let gap = LSN(Self.base + 101)
        #expect(throws: WALPushError.gapInWAL(expected: LSN(Self.base + 100), found: gap)) {
            try window.append(Self.message(gap.rawValue..<gap.rawValue + 1), from: 25, at: gap)
        }
        var other = [UInt8](repeating: 0, count: 25) + Self.bytes(Self.base + 50..<Self.base + 150)
        other[25 + 20] ^= 1
        let changed = CopyData(copying: other.span.bytes)
        #expect(throws: WALPushError.differentWAL(at: LSN(Self.base + 70))) {
            try window.append(changed, from: 25, at: LSN(Self.base + 50))
        }
        #expect(window.end == LSN(Self.base + 100))
        // The same WAL again is nothing new.
        try window.append(Self.message(Self.base + 20..<Self.base + 60), from: 25, at: LSN(Self.base + 20))
        #expect(window.end == LSN(Self.base + 100))
    }
}
