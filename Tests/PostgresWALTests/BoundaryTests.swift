import PostgresWAL
import TestFixtures
import Testing

/// Following records' bounds only sees what decoding sees, and finds the same faults.
@Suite("Bounds of records")
struct BoundaryTests {
    private struct Outcome: Equatable {
        var bounds: [LSN] = []
        var reason: WALDecodeError.Reason?
        var lsn: LSN?
        var position: LSN = .invalid
    }

    private func outcome(
        of wal: [UInt8],
        version: PostgresMajorVersion,
        segmentSize: WALSegmentSize,
        startingAt start: LSN,
        sizes: [Int],
        boundsOnly: Bool
    ) -> Outcome {
        var outcome = Outcome()
        do {
            var decoder = try WALStreamDecoder(version: version, segmentSize: segmentSize, startingAt: start)
            var offset = 0
            var index = 0
            while offset < wal.count {
                let size = min(sizes[index % sizes.count], wal.count - offset)
                var input = wal.span.bytes.extracting(offset..<offset + size)
                if boundsOnly {
                    while let next = try decoder.nextBoundary(&input) { outcome.bounds.append(next) }
                } else {
                    while let record = try decoder.next(&input) { outcome.bounds.append(record.next) }
                }
                offset += size
                index += 1
            }
            outcome.position = decoder.nextRecordStart
        } catch {
            outcome.reason = error.reason
            outcome.lsn = error.lsn
        }
        return outcome
    }

    @Test("However a stream is cut", arguments: ChunkingTests.small + ChunkingTests.large)
    func cuts(stream: ChunkingTests.Stream) throws {
        let wal = try stream.wal()
        for sizes in [[Int.max], [8192], [1000], [1, 7, 8192, 30_000], [131_072]] {
            let outcomes = [true, false].map { boundsOnly in
                outcome(
                    of: wal.bytes,
                    version: .v16,
                    segmentSize: wal.segmentSize,
                    startingAt: wal.start,
                    sizes: sizes,
                    boundsOnly: boundsOnly
                )
            }
            #expect(outcomes[0] == outcomes[1])
            #expect(outcomes[0].bounds == wal.elements.map(\.next))
        }
    }

    @Test("However it is damaged", arguments: 1...20 as ClosedRange<UInt64>)
    func damage(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var faults = 0
        let streams = ChunkingTests.small + ChunkingTests.large.suffix(1)
        for round in 0..<200 {
            let wal = try #require(streams.randomElement(using: &generator)).wal()
            var bytes = wal.bytes
            Mutation.allCases.randomElement(using: &generator)?.apply(to: &bytes, using: &generator)
            let sizes = [[Int.max], [8192], [37, 1000]].randomElement(using: &generator) ?? [Int.max]
            let outcomes = [true, false].map { boundsOnly in
                outcome(
                    of: bytes,
                    version: .v16,
                    segmentSize: wal.segmentSize,
                    startingAt: wal.start,
                    sizes: sizes,
                    boundsOnly: boundsOnly
                )
            }
            #expect(outcomes[0] == outcomes[1], "seed \(seed), round \(round)")
            if outcomes[0].reason != nil { faults += 1 }
        }
        #expect(faults > 20)
    }
}
