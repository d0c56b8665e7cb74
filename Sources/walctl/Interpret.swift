import ArgumentParser
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import WALFiles

struct Interpret: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints what a range of WAL becomes for each shard.",
        discussion: """
            lines: for each record, and each shard that gets something of it: the record's start, the next record's \
            start, the shard (number and count, two hexadecimal digits each; 0000 if unsharded), and the protobuf \
            InterpretedWalRecord in hexadecimal.

            digest: for each shard the number of records, the sum of their bytes, and the SHA-256 of the shard's lines.

            json: the same content in words, one object a line.

            Example: walctl interpret --wal-dir pg_wal --shard-count 4 --stripe-size 8 --format digest
            """
    )

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case lines, digest, json
    }

    @OptionGroup var range: WALRange
    @OptionGroup var shardOptions: ShardOptions

    @Option(help: "How to print records.")
    var format: Format = .lines

    func run() throws {
        let walk = try range.walk()
        let shards = try shardOptions.identities()
        var printer = try InterpretedRecordPrinter(format: format, shards: shards)
        var interpreter = BatchInterpreter(version: walk.directory.version, shards: shards)
        var progress = Progress(from: walk.start, to: walk.end ?? walk.directory.end)
        defer { progress.finish() }
        let ending: WALWalk.Ending
        do {
            ending = try walk.run { record, parsed in
                progress.advance(to: record.start)
                try interpreter.interpret(record, parsed)
                for index in shards.indices {
                    guard let bytes = interpreter.lastRecord(of: index) else { continue }
                    try printer.add(bytes, start: record.start, next: record.next, shard: index)
                }
                for index in shards.indices { interpreter.removeBatch(of: index) }
            }
        } catch {
            try printer.finish()
            throw error
        }
        try printer.finish()
        progress.finish()
        try range.report(ending)
    }
}
