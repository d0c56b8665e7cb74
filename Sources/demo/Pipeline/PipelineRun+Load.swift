import Foundation
import PostgresHarness
import PostgresWAL

// What happens in a run, from the first statement to the last byte.

extension PipelineRun {
    /// The safekeeper that is killed: the first is the one that all shards begin to receive from.
    private static let victim = 1

    /// A shorter run says nothing about what grows: everything is still filling up.
    static let shortestJudged = 300

    /// How far the crash in the middle of a run has got.
    private enum Crash {
        case isAhead, isOn, isOver

        init() { self = .isAhead }
    }

    /// Kills the safekeeper after a third of the load, and starts it again after two.
    private func advance(_ crash: inout Crash, to part: Double) throws {
        switch crash {
        case .isAhead where part >= 0.33:
            try killSafekeeper(Self.victim)
            crash = .isOn
        case .isOn where part >= 0.66:
            try restartSafekeeper(Self.victim)
            crash = .isOver
        case .isAhead, .isOn, .isOver:
            break
        }
    }

    /// Everything; leaves the report with what it has found.
    func run() throws -> RunReport {
        try startAll()
        if let server = source.own {
            try load(server)
            let end = try finish(server)
            try verify(server, end)
            if options.seconds >= Self.shortestJudged { report.checks += report.steadinessChecks() }
        } else {
            try watch()
        }
        return report
    }

    /// The load of the demo's own server, with a crash in the middle.
    private func load(_ server: PostgresServer) throws {
        try server.configure(["synchronous_standby_names": "walproposer"])
        try server.reload()
        console.say("from now on COMMIT waits until a quorum of safekeepers has the WAL on disk")
        let prepared = try server.start("pgbench", ["--initialize", "--quiet", "--scale=5", "postgres"])
        try awaitEnd(of: prepared, "pgbench: loading", atMost: 300)

        try FileManager.default.createDirectory(atPath: "\(folder)/pgbench", withIntermediateDirectories: true)
        let bench = try server.start(
            "pgbench",
            [
                "--client=4", "--time=\(options.seconds)", "--log", "--log-prefix=\(folder)/pgbench/log",
                "postgres",
            ]
        )
        let bulk = try startSteadyLoad(server)
        let began = monitor.seconds
        var crash = Crash()
        try follow(step: "pgbench", atMost: Double(options.seconds) + 120) { sample in
            let part = (sample.seconds - began) / Double(options.seconds)
            try advance(&crash, to: part)
            let statuses = [bench, bulk].compactMap { $0 }.map { $0.exitStatus() }
            for case let status? in statuses where status != 0 {
                throw DemoError(description: "pgbench ended with status \(status)")
            }
            return !statuses.contains(nil)
        }
        report.steady = began...(began + Double(options.seconds))
        while crash != .isOver { try advance(&crash, to: 1) }
        let logs = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/pgbench")
        report.latency = LatencyDistribution(
            pgbenchLogs: try logs.map { try String(contentsOfFile: "\(folder)/pgbench/\($0)", encoding: .utf8) }
        )

        let load = try server.startPsql(
            """
            create table pairs (a int, b int);
            insert into pairs select g, g from generate_series(1, \(options.rows)) g;
            create index on pairs (a)
            """
        )
        note("bulk load of \(Quantity.count(options.rows)) rows")
        try awaitEnd(of: load, "bulk load", atMost: 900)
    }

    /// Starts what loads rows beside pgbench: each second a transaction that begins the table anew.
    private func startSteadyLoad(_ server: PostgresServer) throws -> ChildProcess? {
        guard options.steadyRows > 0 else { return nil }
        try server.psql("create table steady (a int, b int)")
        let script = "\(folder)/steady.sql"
        let sql = """
            begin;
            truncate steady;
            insert into steady select g, g from generate_series(1, \(options.steadyRows)) g;
            commit;

            """
        try sql.write(toFile: script, atomically: true, encoding: .utf8)
        return try server.start(
            "pgbench",
            ["--no-vacuum", "--rate=1", "--time=\(options.seconds)", "--file=\(script)", "postgres"]
        )
    }

    private func awaitEnd(of child: ChildProcess, _ step: String, atMost limit: Double) throws {
        try follow(step: step, atMost: limit) { _ in
            guard let status = child.exitStatus() else { return false }
            guard status == 0 else { throw DemoError(description: "\(step) ended with status \(status)") }
            return true
        }
    }

    /// Stops the server, and waits until its last byte is everywhere.
    private func finish(_ server: PostgresServer) throws -> LSN {
        let end = try source.stop(server)
        note("the server has stopped")
        let last = end.recordAligned
        try follow(step: "catching up", atMost: 120) { sample in
            sample.safekeepers.allSatisfy { $0.map { $0 >= end } ?? false }
                && sample.shards.count == Int(options.shards)
                && sample.shards.allSatisfy { $0.lastRecord >= last }
        }
        noteTotals(upTo: end)
        return end
    }

    /// A server of the user's: its own load is watched.
    private func watch() throws {
        let began = monitor.seconds
        var crash = Crash()
        try follow(step: "watching", atMost: Double(options.seconds) + 120) { sample in
            let part = (sample.seconds - began) / Double(options.seconds)
            try advance(&crash, to: part)
            return part >= 1 && crash == .isOver
        }
        let end = try source.end()
        try follow(step: "catching up", atMost: 120) { sample in
            sample.safekeepers.allSatisfy { $0.map { $0 >= end } ?? false }
                && sample.shards.count == Int(options.shards)
                && sample.shards.allSatisfy { $0.lastRecord >= end }
        }
        noteTotals(upTo: end)
        report.notes.append(
            "The server goes on, so its files could not be compared: only positions were verified."
        )
        let lagging = report.shards.filter { $0.lastRecord < end }.map(\.name)
        report.checks.append(
            .init(
                "positions",
                passed: lagging.isEmpty,
                detail: lagging.isEmpty
                    ? "all shards have reached \(end), where the server was when the time was over"
                    : "short of it: \(lagging.joined(separator: ", "))"
            )
        )
        try checkStop()
    }

    /// What was sent, before the pageserver that knows it ends.
    private func noteTotals(upTo end: LSN) {
        report.shards = monitor.shards()
        for (index, before) in (base?.shards ?? []).enumerated() where report.shards.indices.contains(index) {
            report.shards[index].bytes -= min(before.receivedBytes, report.shards[index].bytes)
        }
        report.rawBytes = end.distance(from: loadStart) ?? 0
    }

    /// Where the WAL of the load begins.
    var loadStart: LSN { base?.shards.map(\.lastRecord).min() ?? start }

    /// Ends all programs, and says whether they ended well.
    func checkStop() throws {
        let began = monitor.seconds
        let failed = try stopAll()
        let seconds = Quantity.significant(monitor.seconds - began)
        report.checks.append(
            .init(
                "orderly stop",
                passed: failed.isEmpty,
                detail: failed.isEmpty
                    ? "walctl push, pageserver and 3 safekeepers ended with status 0, within \(seconds) s"
                    : failed.joined(separator: ", ")
            )
        )
    }
}
