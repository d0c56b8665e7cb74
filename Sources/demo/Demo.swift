import ArgumentParser
import Foundation
import PostgresHarness
import PostgresWAL
import ShardIdentity
import WALFiles

@main
struct Demo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Shows on a real PostgreSQL what the WAL of a workload becomes for the shards of a pageserver.",
        discussion: """
            Starts a stock PostgreSQL of its own in a temporary folder, runs pgbench and a bulk load, stops it, and \
            then decodes its WAL, interprets it once and routes it to 1, 8 and 32 shards. What comes out is compared \
            with what pg_waldump sees. Nothing is left behind.
            """
    )

    @Option(help: "Seconds of pgbench, 1 to 3600.")
    var seconds = 5

    @Option(help: "Rows of the bulk load.")
    var rows = 300_000

    @Option(help: "PostgreSQL major version: 15, 16 or 17.")
    var postgres = 15

    @Option(
        help: ArgumentHelp(
            "Blocks of 8 KiB that stay together on one shard; small, so that a small database spreads.",
            valueName: "pages"
        )
    )
    var stripeSize: UInt32 = 16

    mutating func validate() throws {
        guard (1...3600).contains(seconds) else { throw ValidationError("--seconds is from 1 to 3600") }
        guard rows > 0 else { throw ValidationError("--rows is at least 1") }
        guard PostgresInstallation.majors.contains(postgres) else {
            throw ValidationError("--postgres is one of 15, 16, 17")
        }
        guard stripeSize > 0 else { throw ValidationError("--stripe-size is at least 1") }
    }

    func run() throws {
        let settings = ["full_page_writes": "on", "autovacuum": "on", "max_wal_size": "20GB"]
        try PostgresServer.withPostgres(major: postgres, settings: settings) { server in
            try runWorkload(on: server)
            let dump = server.walDump
            let start = try dump.firstRecord()
            let end = try server.endOfStoppedWAL()
            print("\nWAL from \(start) to \(end):")
            let walk = WALWalk(directory: try WALDirectory(path: server.walDirectory), start: start, end: end)
            let census = try WALCensus(walk)
            print(census)
            print("\nThe same for shards: every shard gets only what it needs, as zstd-compressed protobuf batches.\n")
            print("  \(ShardingReport.heading)")
            var reports: [ShardingReport] = []
            for count in [1, 8, 32] as [UInt8] {
                let report = try ShardingReport(walk, shardCount: count, stripeSize: stripeSize)
                print("  \(report)")
                reports.append(report)
            }
            try verify(census, reports, dump: dump, start: start, end: end)
        }
    }

    private func runWorkload(on server: PostgresServer) throws {
        print("PostgreSQL \(postgres) is up. pgbench: loading …")
        try server.run("pgbench", ["--initialize", "--quiet", "--scale=5", "postgres"])
        print("pgbench: \(seconds) s with 4 clients …")
        try server.run("pgbench", ["--client=4", "--time=\(seconds)", "postgres"])
        print("bulk load: \(rows) rows …")
        try server.psql(
            """
            create table pairs (a int, b int);
            insert into pairs select g, g from generate_series(1, \(rows)) g
            """
        )
        try server.stop(.fast)
    }

    /// Holds what came out against what PostgreSQL's own tool sees.
    private func verify(
        _ census: WALCensus,
        _ reports: [ShardingReport],
        dump: WALDump,
        start: LSN,
        end: LSN
    ) throws {
        let theirs = try dump.counts(from: start, to: end).values.reduce(0, +)
        var failures: [String] = []
        if theirs != census.records { failures.append("pg_waldump sees \(theirs) records, we \(census.records)") }
        for report in reports where report.blocks != census.blocks {
            failures.append(
                "\(census.blocks) block references, but \(report.blocks) values went to \(report.shardCount) shards"
            )
        }
        guard failures.isEmpty else { throw DemoError(description: failures.joined(separator: "; ")) }
        print(
            """

            Verified: \(census.records) records, as many as pg_waldump sees; each of the \(census.blocks) block \
            references reached exactly one shard.
            """
        )
    }
}

struct DemoError: Error, CustomStringConvertible {
    let description: String
}
