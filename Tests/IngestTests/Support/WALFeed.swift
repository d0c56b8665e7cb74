import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import WALFiles

/// Interprets a folder's WAL and gives each shard its messages, as a safekeeper does.
struct WALFeed {
    let directory: WALDirectory
    let start: LSN
    let end: LSN

    init(_ path: String, from start: LSN, to end: LSN) throws {
        directory = try WALDirectory(path: path)
        self.start = start
        self.end = end
    }

    /// Gives `receive` the shard's index and each of its messages.
    func run(_ shards: [ShardIdentity], receive: (Int, RawSpan) throws -> Void) throws {
        var batcher = ChunkBatcher(version: directory.version, shards: shards, startingAt: start)
        let walk = WALWalk(directory: directory, start: start, end: end)
        _ = try walk.run { record, parsed in
            try batcher.add(record, parsed)
        } afterChunk: { _ in
            try batcher.endChunk { shard, message, _ in try receive(shard, message) }
        }
        try batcher.endChunk { shard, message, _ in try receive(shard, message) }
    }

    /// Ingests everything.
    func ingest(into shards: [ShardIngest]) throws {
        try run(shards.map(\.shard.identity)) { index, message in
            try shards[index].ingest(message: message)
        }
    }
}
