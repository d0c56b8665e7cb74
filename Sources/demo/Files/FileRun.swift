import Foundation
import PostgresHarness
import PostgresWAL
import ShardIdentity
import WALFiles

/// What WAL files become for shards, without any server behind them: decoded, interpreted, routed.
struct FileRun {
    let console: Console
    let stripeSize: UInt32

    /// A server of the demo's writes the WAL; `pg_waldump` has its say.
    func serverWAL(major: Int, seconds: Int, rows: Int, undoing: Undoing) throws -> RunReport {
        let settings = ["full_page_writes": "on", "autovacuum": "on", "max_wal_size": "20GB"]
        let server = try undoing.remembering {
            let server = try PostgresServer(major: major, settings: settings)
            do {
                try server.start()
            } catch {
                server.remove()
                throw error
            }
            return (server, { server.remove() })
        }
        console.say("PostgreSQL \(major) is up. pgbench: loading …")
        try server.run("pgbench", ["--initialize", "--quiet", "--scale=5", "postgres"])
        console.say("pgbench: \(seconds) s with 4 clients …")
        try server.run("pgbench", ["--client=4", "--time=\(seconds)", "postgres"])
        console.say("bulk load: \(rows) rows …")
        try server.psql(
            "create table pairs (a int, b int); insert into pairs select g, g from generate_series(1, \(rows)) g"
        )
        try server.stop(.fast)
        let dump = server.walDump
        let (start, end) = (try dump.firstRecord(), try server.endOfStoppedWAL())
        let walk = WALWalk(directory: try WALDirectory(path: server.walDirectory), start: start, end: end)
        var report = RunReport(title: "WAL of PostgreSQL \(major), for shards")
        report.setting = [.init("source", "WAL files of a stock PostgreSQL \(major), after it was stopped")]
        report.notes = ["WAL files only: no safekeeper and no pageserver ran."]
        let theirs = try dump.counts(from: start, to: end).values.reduce(0, +)
        return try look(at: walk, records: theirs, by: "pg_waldump sees", report)
    }

    /// The built-in generator writes the WAL, for machines without PostgreSQL.
    func generatedWAL(rows: Int, undoing: Undoing) throws -> RunReport {
        let folder = try undoing.remembering {
            let path = try WorkFolder.make(in: FileManager.default.temporaryDirectory.path)
            return (path, { try? FileManager.default.removeItem(atPath: path) })
        }
        let generated = try GeneratedWAL(rows: rows, in: folder)
        let walk = WALWalk(directory: try WALDirectory(path: folder), start: generated.start, end: generated.end)
        var report = RunReport(title: "Generated WAL, for shards")
        report.setting = [.init("source", "the built-in WAL generator: \(Quantity.count(rows)) rows")]
        report.notes = [
            "There is no PostgreSQL here: this WAL was made by the built-in generator, and no safekeeper and no "
                + "pageserver ran."
        ]
        return try look(at: walk, records: generated.records, by: "the generator wrote", report)
    }

    /// Counts, routes, and holds what comes out against what another one counts.
    private func look(
        at walk: WALWalk,
        records: Int,
        by whom: String,
        _ started: RunReport
    ) throws -> RunReport {
        var report = started
        let census = try WALCensus(walk)
        console.say("\nWAL from \(walk.start) to \(walk.end ?? walk.directory.end):\n\(census)")
        report.kinds = census.kinds
        console.say("\nThe same for shards: each gets only what it needs, as zstd-compressed protobuf batches.\n")
        console.say("  \(ShardingReport.heading)")
        var wrong: [String] = []
        for count in [1, 8, 32] as [UInt8] {
            let sharding = try ShardingReport(walk, shardCount: count, stripeSize: stripeSize)
            console.say("  \(sharding)")
            report.layouts.append(sharding.layout)
            report.rawBytes = UInt64(sharding.rawBytes)
            if sharding.blocks != census.blocks {
                wrong.append("\(sharding.blocks) values of \(census.blocks) went to \(count) shards")
            }
        }
        report.checks = [
            .init(
                "records",
                passed: records == census.records,
                detail: "\(whom) \(Quantity.count(records)), we see \(Quantity.count(census.records))"
            ),
            .init(
                "blocks",
                passed: wrong.isEmpty,
                detail: wrong.isEmpty
                    ? "each of \(Quantity.count(census.blocks)) block references reached exactly one shard"
                    : wrong.joined(separator: "; ")
            ),
        ]
        return report
    }
}
