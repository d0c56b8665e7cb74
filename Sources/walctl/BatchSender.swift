import InterpretedWAL
import PostgresWAL
import ShardIdentity

/// Forms the messages that a sender would send, and weighs them.
struct BatchSender: ~Copyable {
    private var batcher: ChunkBatcher
    /// One for all: each message is a frame of its own.
    private let compressor: Compressor
    private let weights: [BatchWeight]
    private let raw: BatchWeight
    private var recordsInChunk = 0

    init(version: PostgresMajorVersion, shards: [ShardIdentity], level: Int8, startingAt start: LSN) throws {
        // What may throw comes first.
        let compressor = try Compressor(level: level)
        let raw = try BatchWeight()
        let weights = try shards.map { _ in try BatchWeight() }
        self.compressor = compressor
        self.raw = raw
        self.weights = weights
        batcher = ChunkBatcher(version: version, shards: shards, startingAt: start)
    }

    mutating func add(_ record: borrowing WALRecord, _ parsed: borrowing ParsedRecord) throws {
        try batcher.add(record, parsed)
        recordsInChunk += 1
    }

    /// Ends a chunk of WAL: sends if it completed a record.
    mutating func endChunk(_ chunk: RawSpan) throws {
        try raw.add(chunk, records: recordsInChunk, compressor)
        recordsInChunk = 0
        let (weights, compressor) = (weights, compressor)
        try batcher.endChunk { shard, message, records in
            try weights[shard].add(message, records: records, compressor)
        }
    }

    consuming func report(_ shards: [ShardIdentity], hashes: Bool) -> BatchReport {
        BatchReport(shards: zip(shards, weights).map { ("\($0.index)", $1) }, raw: raw, showsHashes: hashes)
    }
}

/// What was sent to one shard.
final class BatchWeight {
    private(set) var messages = 0
    private(set) var records = 0
    private(set) var protobufBytes = 0
    private(set) var compressedBytes = 0
    let hash: SHA256

    init() throws {
        hash = try SHA256()
    }

    func add(_ message: RawSpan, records: Int, _ compressor: Compressor) throws {
        messages += 1
        self.records += records
        protobufBytes += message.byteCount
        compressedBytes += try compressor.compressedSize(of: message)
        message.withUnsafeBytes { hash.update($0) }
    }
}

/// A compressor whose output is only measured.
final class Compressor {
    private var compressor: ZstdCompressor
    private var output = OutputBuffer()

    init(level: Int8) throws {
        compressor = try ZstdCompressor(level: level)
    }

    func compressedSize(of bytes: RawSpan) throws -> Int {
        output.removeAll()
        try compressor.compress(bytes, into: &output)
        return output.count
    }
}
