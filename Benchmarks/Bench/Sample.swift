import PostgresHarness
import PostgresWAL
import TestFixtures
import WALFiles

/// WAL to measure with: in files, and in memory.
final class Sample {
    /// The name in the keys of figures.
    let name: String
    let walk: WALWalk
    let start: LSN
    /// The WAL from ``start`` on.
    let bytes: [UInt8]
    let recordCount: Int
    /// `pg_waldump` for the same range; nil where none is compared with.
    let dump: WALDump?

    private init(name: String, directory: String, start: LSN, end: LSN, dump: WALDump?) throws {
        self.name = name
        self.start = start
        self.dump = dump
        walk = WALWalk(directory: try WALDirectory(path: directory), start: start, end: end)
        var bytes: [UInt8] = []
        var reader = WALFileReader(directory: walk.directory, startingAt: start)
        while let chunk = try reader.next(before: end) {
            chunk.withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
        self.bytes = bytes
        var count = 0
        _ = try walk.run { _, _ in count += 1 }
        recordCount = count
    }

    /// Small records and nothing else.
    static func bulk(megabytes: Int) throws -> Sample {
        try Sample(name: "bulk", .bulkInsert(megabytes: megabytes))
    }

    /// Mostly page images.
    static func pgbench() throws -> Sample {
        try Sample(name: "pgbench", .pgbench())
    }

    /// A workload that reaches every resource manager, on PostgreSQL 16: the committed WAL.
    static func mixed() throws -> Sample {
        let golden = try GoldenWAL.load("pg16")
        return try Sample(name: "mixed", directory: golden.path, start: golden.start, end: golden.end, dump: nil)
    }

    private convenience init(name: String, _ wal: SampleWAL) throws {
        try self.init(name: name, directory: wal.directory, start: wal.start, end: wal.end, dump: wal.walDump())
    }

    var version: PostgresMajorVersion { walk.directory.version }

    /// Decodes and parses the WAL in memory, in chunks as a safekeeper reads them: 128 KiB for one shard.
    @inline(__always)
    func decode(
        chunkSize: Int = WALFileReader.standardChunkSize,
        _ body: (borrowing WALRecord, borrowing ParsedRecord) throws -> Void,
        afterChunk: () throws -> Void = {}
    ) throws {
        var decoder = try WALStreamDecoder(version: version, startingAt: start)
        var parsed = ParsedRecord(version: version)
        let bytes = bytes
        var position = 0
        while position < bytes.count {
            let offset = Int((start + UInt64(position)).rawValue % UInt64(chunkSize))
            let count = min(chunkSize - offset, bytes.count - position)
            var input = bytes.span.bytes.extracting(position..<position + count)
            while let record = try decoder.next(&input) {
                try parsed.parse(record)
                try body(record, parsed)
            }
            try afterChunk()
            position += count
        }
    }
}
