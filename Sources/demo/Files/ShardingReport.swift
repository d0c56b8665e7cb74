import Foundation
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import WALFiles

/// Interprets a range of WAL for a number of shards and counts what would be sent.
struct ShardingReport: CustomStringConvertible {
    let shardCount: UInt8
    private(set) var rawBytes = 0
    private(set) var sentBytes = 0
    private(set) var largestShardBytes = 0
    /// Values that went to shards.
    private(set) var blocks = 0

    init(_ walk: WALWalk, shardCount: UInt8, stripeSize: UInt32) throws {
        self.shardCount = shardCount
        let shards = try (0..<shardCount).map {
            try ShardIdentity(number: $0, count: shardCount, stripeSize: stripeSize)
        }
        var batcher = ChunkBatcher(
            version: walk.directory.version,
            shards: shards,
            startingAt: try walk.firstRecordStart()
        )
        var compressor = try ZstdCompressor(level: 1)
        var compressed = OutputBuffer()
        var sent = Array(repeating: 0, count: shards.count)
        _ = try walk.run { record, parsed in
            try batcher.add(record, parsed)
        } afterChunk: { chunk in
            rawBytes += chunk.byteCount
            try batcher.endChunk { shard, message, _ in
                compressed.removeAll()
                try compressor.compress(message, into: &compressed)
                sent[shard] += compressed.count
                blocks += try Self.countValues(message)
            }
        }
        sentBytes = sent.reduce(0, +)
        largestShardBytes = sent.max() ?? 0
    }

    /// The same for the page.
    var layout: RunReport.Layout {
        RunReport.Layout(
            shardCount: Int(shardCount),
            bytes: UInt64(sentBytes),
            largest: UInt64(largestShardBytes)
        )
    }

    static let heading = "shards   raw WAL to every shard        sent to all   to the largest       less"

    /// One line of a table.
    var description: String {
        let raw = Double(rawBytes) * Double(shardCount)
        return String(
            format: "%6d %21.1f MB %15.1f MB %13.2f MB %8.1f x",
            shardCount,
            raw / 1e6,
            Double(sentBytes) / 1e6,
            Double(largestShardBytes) / 1e6,
            raw / Double(max(sentBytes, 1))
        )
    }

    /// Reads a message back as a receiver does and counts the values in it.
    private static func countValues(_ message: RawSpan) throws -> Int {
        var parser = try InterpretedBatchParser(message)
        var count = 0
        while let record = try parser.nextRecord() {
            var values = record.values
            while let value = try values.next() {
                if case .serialized = value { count += 1 }
            }
        }
        return count
    }
}
