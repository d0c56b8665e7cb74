import ArgumentParser
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import WALFiles

struct Batches: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Forms batches as a safekeeper's sender does, and prints what they weigh.",
        discussion: """
            WAL is read in chunks of at most 128 KiB that end at page multiples and at segment ends; each chunk that \
            completes a record makes one message for every shard, each message one zstd frame.

            "raw" is the WAL read, "protobuf" the messages, "zstd" the messages compressed; "sha256" is of a shard's \
            uncompressed messages, one after the other. The factor says how much less is sent than if every shard \
            received the raw WAL.

            Example: walctl batches --wal-dir pg_wal --shard-count 8
            """
    )

    @OptionGroup var range: WALRange
    @OptionGroup var shardOptions: ShardOptions

    @Option(help: "zstd level, -128 to 127.")
    var level: Int8 = 1

    @Flag(help: "Add the SHA-256 of each shard's messages.")
    var sha256 = false

    func run() throws {
        let walk = try range.walk()
        let shards = try shardOptions.identities()
        var sender = try BatchSender(
            version: walk.directory.version,
            shards: shards,
            level: level,
            startingAt: try walk.firstRecordStart()
        )
        var progress = Progress(from: walk.start, to: walk.end ?? walk.directory.end)
        defer { progress.finish() }
        let ending = try walk.run { record, parsed in
            progress.advance(to: record.start)
            try sender.add(record, parsed)
        } afterChunk: { chunk in
            try sender.endChunk(chunk)
        }
        progress.finish()
        try sender.report(shards, hashes: sha256).write()
        try range.report(ending)
    }
}
