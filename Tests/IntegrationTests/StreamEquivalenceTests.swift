import PostgresHarness
import PostgresWAL
import TestFixtures
import Testing
import WALFiles

/// The records do not depend on how the WAL is cut into pieces.
@Suite(.serialized)
struct StreamEquivalenceTests {
    @Test("pieces of any size give the same records", arguments: PostgresInstallation.majors)
    func anyPieces(major: Int) throws {
        let outcome = try Workload.shared(major: major)
        let directory = try WALDirectory(path: outcome.walDirectory)
        var expected = RecordDigest()
        let walk = WALWalk(directory: directory, start: outcome.start, end: outcome.end)
        _ = try walk.run { record, _ in expected.add(record) }
        let wal = try bytes(of: directory, from: outcome.start, to: outcome.end)
        for _ in 0..<3 {
            let seed = UInt64.random(in: 0...UInt64.max)
            let digest = try digest(of: wal, in: directory, from: outcome.start, seed: seed)
            #expect(digest == expected, "PostgreSQL \(major), seed \(seed)")
        }
    }

    private func bytes(of directory: WALDirectory, from start: LSN, to end: LSN) throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(end.rawValue - start.rawValue))
        var reader = WALFileReader(directory: directory, startingAt: start)
        while let chunk = try reader.next(before: end) {
            chunk.withUnsafeBytes { bytes += $0 }
        }
        return bytes
    }

    /// Decodes `wal` in random pieces of 1 byte to 8 MiB.
    ///
    /// Sizes of one magnitude come in runs, so that small ones get to see more than a few records. Each piece is handed
    /// over in memory of its own which is overwritten afterwards: nothing of it may be needed later.
    private func digest(of wal: [UInt8], in directory: WALDirectory, from start: LSN, seed: UInt64) throws
        -> RecordDigest
    {
        var generator = SeededGenerator(seed: seed)
        var digest = RecordDigest()
        var decoder = try WALStreamDecoder(
            version: directory.version,
            segmentSize: directory.segmentSize,
            startingAt: start
        )
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 8 << 20, alignment: 1)
        defer { piece.deallocate() }
        var offset = 0
        while offset < wal.count {
            let limit = 1 << Int.random(in: 0...23, using: &generator)
            for _ in 0..<max(1, min(5000, (2 << 20) / limit)) where offset < wal.count {
                let size = min(Int.random(in: 1...limit, using: &generator), wal.count - offset)
                let target = UnsafeMutableRawBufferPointer(rebasing: piece[..<size])
                target.copyBytes(from: wal[offset..<offset + size])
                var input = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(target))
                while let record = try decoder.next(&input) { digest.add(record) }
                target.initializeMemory(as: UInt8.self, repeating: 0xA5)
                offset += size
            }
        }
        #expect(decoder.position == start + UInt64(wal.count), "seed \(seed)")
        return digest
    }
}
