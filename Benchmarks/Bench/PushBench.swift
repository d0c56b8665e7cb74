import Foundation
import PostgresHarness
import PostgresWAL
import SafekeeperHarness
import ShardIdentity

/// WAL of a stock server on its way to a quorum: `walctl push` with three safekeepers that synchronize their disk, next to
/// one `pg_receivewal --synchronous` on the same server.
///
/// COMMIT waits for whichever of the two is attached; what is measured is how long it does, for one large transaction and
/// for many small ones. All processes share the machine: three safekeepers write three times what `pg_receivewal` writes.
struct PushBench {
    let megabytes: Int
    let folder: BenchFolder

    /// A row is about this much WAL.
    private static let bytesInRow = 1_060
    private static let commitSeconds = 4

    private struct Times {
        var bulk = Double.infinity
        var commits: [Double] = []

        /// Adds those of another round.
        mutating func take(_ round: Times) {
            bulk = min(bulk, round.bulk)
            commits += round.commits
        }

        func percentile(_ percent: Int) -> Double {
            let sorted = commits.sorted()
            return sorted[min(sorted.count * percent / 100, sorted.count - 1)]
        }
    }

    func run(rounds: Int, into results: inout BenchResults) throws {
        results.heading("push: \(megabytes) MB of bulk insert a round, single-row commits, into \(folder.path)")
        let settings = [
            "fsync": "on", "synchronous_commit": "on", "synchronous_standby_names": "*", "wal_keep_size": "2GB",
            "max_wal_size": "4GB",
            // As a server has it that nobody has configured.
            "shared_buffers": "128MB",
        ]
        try PostgresServer.withPostgres(major: 15, settings: settings) { server in
            try server.psql("set synchronous_commit = local; create table bulk (t text); create table small (i int)")
            var (receiver, push) = (Times(), Times())
            for round in 0...rounds {
                let first = try folder.with { try measureReceiver(server, $0) }
                let second = try folder.with { try measurePush(server, $0) }
                // The first round only warms up.
                guard round > 0 else { continue }
                receiver.take(first)
                push.take(second)
            }
            report(receiver, push, into: &results)
        }
    }

    private func report(_ receiver: Times, _ push: Times, into results: inout BenchResults) {
        let megabytes = Double(megabytes)
        results.add("push.bulk.mb_per_s", megabytes / push.bulk, "MB/s")
        results.add(
            "push.bulk.pg_receivewal.mb_per_s",
            megabytes / receiver.bulk,
            "MB/s",
            "pg_receivewal --synchronous"
        )
        results.add("push.bulk.ratio_to_pg_receivewal", receiver.bulk / push.bulk, "x", "as fast as pg_receivewal")
        for percent in [50, 99] {
            let (ours, theirs) = (push.percentile(percent), receiver.percentile(percent))
            results.add("push.commit.p\(percent)_ms", ours, "ms")
            results.add("push.commit.pg_receivewal.p\(percent)_ms", theirs, "ms", "pg_receivewal --synchronous")
            results.add("push.commit.p\(percent)_ratio_to_pg_receivewal", ours / theirs, "x", "of pg_receivewal's time")
        }
    }

    private func measureReceiver(_ server: PostgresServer, _ path: String) throws -> Times {
        let receiver = try server.start("pg_receivewal", ["--directory=\(path)", "--synchronous", "--no-loop"])
        defer {
            receiver.signal(SIGKILL)
            receiver.wait()
        }
        return try measure(server, path)
    }

    private func measurePush(_ server: PostgresServer, _ path: String) throws -> Times {
        let safekeepers = try (1...3).map { number in
            let directory = "\(path)/\(number)"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let safekeeper = SafekeeperProcess(directory: directory, node: UInt64(number))
            try safekeeper.start()
            return safekeeper
        }
        let push = try PushProcess(
            from: server.connectionString(),
            ports: safekeepers.map(\.port),
            tenant: TenantID(bits: 1),
            timeline: TimelineID(bits: 1),
            flags: ["--create"],
            logPath: path + "/push.log"
        )
        defer {
            push.stop()
            for safekeeper in safekeepers { safekeeper.stop() }
        }
        return try measure(server, path)
    }

    /// Times of COMMITs that wait for whoever is attached.
    private func measure(_ server: PostgresServer, _ path: String) throws -> Times {
        // The first COMMIT waits until somebody is.
        try server.psql("truncate bulk; truncate small; checkpoint")
        var times = Times()
        let rows = megabytes * 1_000_000 / Self.bytesInRow
        // Ten times the WAL: that of the server and of the safekeepers, and the table, with some to spare.
        try Memory.touch(megabytes: 10 * megabytes)
        let start = ContinuousClock.now
        try server.psql("insert into bulk select repeat('x', 1000) from generate_series(1, \(rows))")
        times.bulk = (ContinuousClock.now - start) / .seconds(1)
        let script = path + "/commit.sql"
        try Data("insert into small values (1);\n".utf8).write(to: URL(fileURLWithPath: script))
        let prefix = path + "/latency"
        try server.run(
            "pgbench",
            [
                "--no-vacuum", "--time=\(Self.commitSeconds)", "--file=\(script)", "--log", "--log-prefix=\(prefix)",
                "postgres",
            ]
        )
        for name in try FileManager.default.contentsOfDirectory(atPath: path) where name.hasPrefix("latency") {
            let text = String(
                decoding: FileManager.default.contents(atPath: "\(path)/\(name)") ?? Data(),
                as: UTF8.self
            )
            // client, transaction, microseconds, …
            times.commits += text.split(separator: "\n").compactMap { line in
                line.split(separator: " ").dropFirst(2).first.flatMap { Double($0) }.map { $0 / 1000 }
            }
        }
        return times
    }
}
