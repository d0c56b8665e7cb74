import ArgumentParser
import Foundation

@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract:
            "Measures decoding, interpreting, parsing, ingesting and streaming against references in the same run.",
        discussion: """
            Times are processor time of one thread (user and system), so that other work on the machine disturbs them \
            little. Everything is measured in turn, round after round, and the best round of each counts: noise only \
            ever adds. Ratios are of such best rounds.

            The samples (bulk insert and pgbench on PostgreSQL 15) are made once and kept in the cache folder.
            """
    )

    @Option(help: "Rounds of every measurement.")
    var rounds = 7

    @Option(help: ArgumentHelp("Where the figures go: one flat JSON object.", valueName: "file"))
    var output = "bench.json"

    enum Section: String, ExpressibleByArgument, CaseIterable {
        case decode, interpret, parse, ingest, receive, append, stream, push
        case appendSingle = "append-single"
        case commitLatency = "commit-latency"
        case shardedIngest = "sharded-ingest"
    }

    @Option(help: "Only this section; may be given several times. Default: all.")
    var only: [Section] = []

    @Option(
        name: .customLong("bulk-megabytes"),
        help: "Size of the bulk-insert sample; a small one tries the bench out, its figures mean little."
    )
    var bulkMegabytes = 300

    @Option(
        name: .customLong("append-megabytes"),
        help: "WAL that a safekeeper's timeline takes in each round of the append bench."
    )
    var appendMegabytes = 1000

    @Option(
        name: .customLong("push-megabytes"),
        help: "WAL of each bulk insert that goes through the proposer in the push bench, roughly."
    )
    var pushMegabytes = 300

    @Option(
        name: .customLong("append-folder"),
        help: ArgumentHelp("Where the append and push benches write: the disk measured.", valueName: "folder")
    )
    var appendFolder = "/var/tmp"

    @Option(
        name: .customLong("stream-megabytes"),
        help: "WAL that flows while a receiver is stopped, in each round of the stream bench."
    )
    var streamMegabytes = 500

    @Option(
        name: .customLong("stream-rounds"),
        help: "Rounds of the stream bench, each of which starts some twenty safekeepers."
    )
    var streamRounds = 3

    @Option(
        name: .customLong("ingest-rows"),
        help: "Rows of two integers in the sharded-ingest bench."
    )
    var ingestRows = 10_000_000

    @Option(
        name: .customLong("ingest-transactions"),
        help: "Transactions of pgbench in the sharded-ingest bench."
    )
    var ingestTransactions = 100_000

    mutating func validate() throws {
        guard (1...1000).contains(rounds) else { throw ValidationError("--rounds is from 1 to 1000") }
        guard (1...1_000_000_000).contains(ingestRows) else {
            throw ValidationError("--ingest-rows is from 1 to 1000000000")
        }
        guard (4...1_000_000_000).contains(ingestTransactions) else {
            throw ValidationError("--ingest-transactions is from 4 to 1000000000")
        }
        guard bulkMegabytes > 0 else { throw ValidationError("--bulk-megabytes is at least 1") }
    }

    func run() throws {
        let sections = only.isEmpty ? Section.allCases : only
        var results = try BenchResults(path: output)
        if sections.contains(.shardedIngest) {
            try ShardedIngestBench(rows: ingestRows, transactions: ingestTransactions).run(into: &results)
        }
        // What follows is measured with samples that are made once.
        guard !sections.allSatisfy({ $0 == .shardedIngest }) else { return try finish(results) }
        let bulk = try Sample.bulk(megabytes: bulkMegabytes)
        if sections.contains(.decode) {
            try DecodeBench(sample: bulk).run(rounds: rounds, into: &results)
            try DecodeBench(sample: try .pgbench()).run(rounds: rounds, into: &results)
        }
        let mixed = try Sample.mixed()
        if sections.contains(.interpret) {
            try InterpretBench(sample: bulk).run(rounds: rounds, into: &results)
            try InterpretBench(sample: mixed).run(rounds: rounds * 3, into: &results)
        }
        if sections.contains(.parse) {
            try ParseBench(sample: bulk).run(rounds: rounds, into: &results)
            try ParseBench(sample: mixed).run(rounds: rounds * 3, into: &results)
        }
        if sections.contains(.ingest) {
            try IngestBench(sample: bulk).run(rounds: rounds, into: &results)
            try IngestBench(sample: try .pgbench()).run(rounds: rounds, into: &results)
        }
        if sections.contains(.receive) {
            // RocksDB takes its time: fewer rounds.
            try ReceiveBench(sample: bulk).run(rounds: min(rounds, 3), into: &results)
        }
        let folder = BenchFolder(path: appendFolder)
        if sections.contains(.append) {
            try AppendBench(megabytes: appendMegabytes, folder: folder).run(rounds: 3, into: &results)
        }
        if sections.contains(.appendSingle) { try AppendSingleBench(folder: folder).run(into: &results) }
        if sections.contains(.commitLatency) { try CommitLatencyBench(folder: folder).run(into: &results) }
        if sections.contains(.push) {
            try PushBench(megabytes: pushMegabytes, folder: folder).run(rounds: 5, into: &results)
        }
        if sections.contains(.stream) {
            try StreamLatencyBench(folder: appendFolder).run(into: &results)
            for sample in [bulk, try .pgbench()] {
                try StreamBench(sample: sample, folder: appendFolder).run(rounds: streamRounds, into: &results)
            }
            try StoppedReceiverBench(megabytes: streamMegabytes, folder: appendFolder)
                .run(rounds: streamRounds, into: &results)
        }
        try finish(results)
    }

    private func finish(_ results: BenchResults) throws {
        try results.write()
        print("figures written to \(output)")
    }
}
