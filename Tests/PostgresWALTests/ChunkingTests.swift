import PostgresWAL
import TestFixtures
import Testing

/// However a stream is cut, the same records come out of it.
@Suite("Chunking")
struct ChunkingTests {
    struct Stream: Sendable, CustomTestStringConvertible {
        var name: String
        var start: String
        var megabytes: UInt64 = 16
        /// Lengths of records; -1 is a segment switch.
        var lengths: [Int]
        var testDescription: String { name }

        func wal() throws -> CraftedWAL {
            let start = try #require(LSN(start))
            let size = try #require(WALSegmentSize(bytes: megabytes << 20))
            return try CraftedWAL(
                segmentSize: size,
                startingAt: start,
                lengths.map { $0 < 0 ? .segmentSwitch : .ofLength($0, seed: UInt8(truncatingIfNeeded: $0)) }
            )
        }
    }

    /// Streams of a few pages at most.
    static let small: [Stream] = [
        Stream(name: "short records", start: "0/2000000", lengths: [24, 26, 27, 31, 32, 33, 40, 281, 282, 283]),
        Stream(name: "the last byte on a page's last", start: "0/2001F00", lengths: [256, 30]),
        Stream(name: "padding at a page's end", start: "0/2001F00", lengths: [255, 30, 251]),
        Stream(name: "header split 8 bytes before a page's end", start: "0/2001FF8", lengths: [24, 50]),
        Stream(name: "header split 16 bytes before a page's end", start: "0/2001FF0", lengths: [100, 24]),
        Stream(name: "header whole at a page's end", start: "0/2001FE8", lengths: [26, 24]),
        Stream(name: "only a header at a page's end", start: "0/2001FE8", lengths: [24, 24]),
        Stream(name: "exactly a page", start: "0/2002000", lengths: [8168, 30]),
        Stream(name: "a page and a byte", start: "0/2002000", lengths: [8169, 30]),
        Stream(name: "a page less a byte", start: "0/2002000", lengths: [8167, 30]),
        Stream(name: "two pages exactly", start: "0/2002018", lengths: [16_336, 24]),
        Stream(name: "header split at a segment's end", start: "0/2FFFFF8", lengths: [60, 24]),
        Stream(name: "across a segment's end", start: "0/2FFFF00", lengths: [100, 500, 24]),
        Stream(name: "ends with a segment", start: "0/2FFFF00", lengths: [256, 24, 100]),
        Stream(name: "switch exactly at a segment's end", start: "0/2FFFFE8", lengths: [-1, 24, 100]),
        Stream(name: "switch that ends behind a long header", start: "0/1FFFF8", megabytes: 1, lengths: [24, 60]),
    ]

    /// Streams of many pages.
    static let large: [Stream] = [
        Stream(name: "300 KB", start: "0/2000000", lengths: [100, 300_000, 24, 307_200, 50]),
        Stream(name: "8 MB", start: "0/2000000", lengths: [24, 8 << 20, 24]),
        Stream(name: "switch at once", start: "0/200000", megabytes: 1, lengths: [-1, -1, 60, -1, 24]),
        Stream(
            name: "small segments",
            start: "0/1FE000",
            megabytes: 1,
            lengths: [9000, 2_500_000, -1, 24, 1_000_000, 30]
        ),
        Stream(
            name: "switch across a segment's end",
            start: "0/1FFFF8",
            megabytes: 1,
            lengths: [-1, 24, 300, -1, 50]
        ),
        Stream(
            name: "many lengths",
            start: "0/2000000",
            lengths: (0..<1500).map { 26 + $0 &* 7919 % 1200 } + [-1, 24]
        ),
    ]

    private func expectRecords(of wal: CraftedWAL, in decoded: DecodedStream) {
        #expect(decoded.error == nil)
        let elements = decoded.records.map { CraftedWAL.Element(start: $0.start, end: $0.end, next: $0.next) }
        #expect(elements == wal.elements)
    }

    @Test("Every split point", arguments: small)
    func everySplit(stream: Stream) throws {
        let wal = try stream.wal()
        let whole = wal.decoded()
        expectRecords(of: wal, in: whole)
        for split in 0...wal.bytes.count {
            var isFirst = split > 0
            let halves = wal.decoded {
                defer { isFirst = false }
                return isFirst ? split : Int.max
            }
            if halves != whole {
                Issue.record("split at \(split): \(halves.records.count) records, \(String(describing: halves.error))")
                return
            }
        }
    }

    @Test("Every size", arguments: small)
    func everySize(stream: Stream) throws {
        let wal = try stream.wal()
        let whole = wal.decoded()
        for size in 1...64 {
            #expect(wal.decoded(nextSize: { size }) == whole, "pieces of \(size)")
        }
        for size in [100, 512, 4096, 8191, 8192, 8193, 131_072] {
            #expect(wal.decoded(nextSize: { size }) == whole, "pieces of \(size)")
        }
    }

    @Test("Some sizes of long streams", arguments: large)
    func someSizes(stream: Stream) throws {
        let wal = try stream.wal()
        let whole = wal.decoded()
        expectRecords(of: wal, in: whole)
        for size in [1, 2, 3, 7, 23, 24, 25, 50, 8191, 8192, 8193, 131_072, 8 << 20] {
            #expect(wal.decoded(nextSize: { size }) == whole, "pieces of \(size)")
        }
    }

    @Test("Random cuts", arguments: large, [UInt64(1), 2, 3])
    func randomCuts(stream: Stream, seed: UInt64) throws {
        let wal = try stream.wal()
        let whole = wal.decoded()
        var generator = SeededGenerator(seed: seed)
        let most = [60, 9000, 200_000].randomElement(using: &generator) ?? 60
        #expect(wal.decoded(nextSize: { Int.random(in: 0...most, using: &generator) }) == whole)
    }

    @Test("Faults are the same however they arrive", arguments: small, [UInt64(1), 2])
    func damage(stream: Stream, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let wal = try stream.wal()
        for _ in 0..<40 {
            var damaged = wal
            damaged.bytes[Int.random(in: 0..<wal.bytes.count, using: &generator)] ^=
                1 << UInt8.random(in: 0..<8, using: &generator)
            let whole = damaged.decoded()
            for size in [1, 13, 24, 8192] {
                var pieces = damaged.decoded(nextSize: { size })
                // How the place looks is judged by the bytes that are there.
                if whole.error != nil { pieces.error?.condition = whole.error?.condition ?? .corrupt }
                #expect(pieces == whole, "pieces of \(size)")
            }
        }
    }

    @Test("Real WAL", arguments: GoldenWAL.stock + GoldenWAL.neon)
    func golden(name: String) throws {
        let golden = try GoldenWAL.load(name)
        let bytes = try golden.bytes()
        func decoded(_ nextSize: () -> Int) -> DecodedStream {
            DecodedStream(bytes, version: golden.version, startingAt: golden.start, nextSize: nextSize)
        }
        let whole = decoded { Int.max }
        #expect(whole.error == nil)
        #expect(whole.nextRecordStart == golden.end)
        #expect(whole.records.count > 58_000)
        var generator = SeededGenerator(seed: 7)
        for size in [1, 24, 50, 131_072] {
            #expect(decoded { size } == whole, "pieces of \(size)")
        }
        #expect(decoded { Int.random(in: 0...9000, using: &generator) } == whole)
    }
}
