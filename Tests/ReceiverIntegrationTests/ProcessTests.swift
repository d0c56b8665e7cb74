import Foundation
import Ingest
import PageserverHarness
import PageserverServer
import PostgresHarness
import PostgresWAL
import SafekeeperHarness
import ShardIdentity
import TestFixtures
import Testing
import WalReceiver

/// The program: import, serving, orderly stops and others.
@Suite("The pageserver program", .serialized)
struct PageserverProcessTests {
    private struct Place {
        let folder: TemporaryFolder
        var workdir: String { folder.path(of: "ps") }

        init() throws {
            folder = try TemporaryFolder()
            try FileManager.default.createDirectory(atPath: workdir, withIntermediateDirectories: true)
        }
    }

    private func run(_ arguments: String...) throws -> FinishedProcess {
        try FinishedProcess.run(try PageserverProcess.executable(), arguments)
    }

    private func settings(port: UInt16, _ more: String = "") -> String {
        """
        store_reserved_space = 0
        \(more)
        [tenant_config]
        checkpoint_distance = "1MiB"
        checkpoint_timeout = "100ms"
        [[safekeepers]]
        id = 1
        address = "127.0.0.1:\(port)"
        """
    }

    private func importBackup(_ outcome: Workload.Outcome, _ place: Place, shards: UInt8) throws {
        try PageserverProcess.importBackup(
            outcome.baseBackup,
            into: place.workdir,
            major: 15,
            shardCount: shards,
            stripeSize: 4
        )
    }

    @Test("two shards: import, receive, tell, stop, go on")
    func life() async throws {
        let outcome = try Workload.shared(major: 15)
        let place = try Place()
        try importBackup(outcome, place, shards: 2)
        let store = InMemoryStore()
        let start = try BackupImport.run(.archive(outcome.baseBackup), into: [(try timelineShard(), store)])
        let kept = try KeptTimeline(outcome.walDirectory, from: start, to: outcome.end)
        defer { withExtendedLifetime(kept) {} }
        try kept.push(to: start + (24 << 20))
        let pageserver = try PageserverProcess(
            workdir: place.workdir,
            settings: settings(port: kept.safekeeper.port, "id = 7")
        )
        try pageserver.start()
        try kept.push()
        let end = outcome.end.recordAligned
        try await eventually(within: .seconds(60), "both shards at \(end)") {
            try pageserver.get("/v1/status").components(separatedBy: "\"last_record_lsn\":\"\(end)\"").count == 3
        }
        let status = try pageserver.get("/v1/status")
        #expect(status.contains(#"{"id":7,"shards":["#), "\(status)")
        #expect(status.contains(#""shard_id":"0102""#) && status.contains(#""shard_id":"0002""#))
        #expect(status.contains("streaming WAL from node 1, commit|streaming Lsn: "))
        #expect(status.contains("\"wal_source_connstr\":\"postgresql://127.0.0.1:\(kept.safekeeper.port)\""))
        let one = try pageserver.get("/v1/tenant/\(tenant)-0102/timeline/\(timeline)")
        #expect(one.hasPrefix("HTTP/1.1 200") && one.contains(#""shard_id":"0102""#))
        #expect(try pageserver.get("/v1/tenant/\(timeline)/timeline").hasPrefix("HTTP/1.1 404"))
        let metrics = try pageserver.get("/metrics")
        for name in [
            "pageserver_walreceiver_started_connections_total 2", "pageserver_wal_ingest_bytes_received ",
            "pageserver_wal_ingest_records_received ", "pageserver_wal_ingest_records_committed ",
            "pageserver_wal_ingest_records_observed ", "pageserver_gap_blocks_zeroed_on_rel_extend ",
            #"pageserver_wal_ingest_values_committed{class="data",kind="image"} "#,
            #"pageserver_walreceiver_switches_total{reason="NoExistingConnection"} 2"#,
            #"pageserver_live_connections_started{pageserver_connection_kind="wal_receiver"} 2"#,
            "pageserver_timeline_wal_records_received{", "process_resident_memory_bytes ",
        ] {
            #expect(metrics.contains("\n" + name), "\(name)")
        }
        #expect(pageserver.stop() == 0, "\(pageserver.log)")
        #expect(pageserver.log.contains("pageserver has stopped"))
        // Everything was made durable at the stop: the next start has nothing to receive.
        try pageserver.start()
        let again = try pageserver.get("/v1/status")
        #expect(again.components(separatedBy: "\"disk_consistent_lsn\":\"\(end)\"").count == 3, "\(again)")
        #expect(pageserver.stop(SIGINT) == 0)
    }

    @Test("an import may open more files than programs begin with")
    func filesOfAnImport() throws {
        let outcome = try Workload.shared(major: 15)
        let place = try Place()
        try PageserverProcess.importBackup(
            outcome.baseBackup,
            into: place.workdir,
            major: 15,
            shardCount: 16,
            stripeSize: 4,
            launcher: launcher(openFiles: 60)
        )
    }

    @Test("a shard with another identity than its folder says is refused, and other mistakes are told")
    func mistakes() throws {
        let outcome = try Workload.shared(major: 15)
        let place = try Place()
        try importBackup(outcome, place, shards: 0)
        let twice = try run(
            "import",
            "-D",
            place.workdir,
            "--tenant-id",
            "\(tenant)",
            "--timeline-id",
            "\(timeline)",
            "--pg-version",
            "15",
            "--archive",
            outcome.baseBackup
        )
        #expect(twice.status == 1 && twice.errors.contains("there is a shard in "), "\(twice.errors)")
        let file = "\(place.workdir)/tenants/\(tenant)/timelines/\(timeline)/shard.json"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        try text.replacing(#""shard_stripe_size":4"#, with: #""shard_stripe_size":2048"#)
            .write(toFile: file, atomically: true, encoding: .utf8)
        let other = try run("-D", place.workdir, "--listen-http-addr", "127.0.0.1:0")
        #expect(other.status == 1 && other.errors.contains("the store holds "), "\(other.errors)")
        #expect(try run("-D", "/nowhere").errors.contains("can't use /nowhere: No such file or directory"))
        let empty = place.folder.path(of: "empty.token")
        try "\n".write(toFile: empty, atomically: true, encoding: .utf8)
        let token = try run("-D", place.folder.path, "--safekeeper-auth-token-path", empty)
        #expect(token.status == 1 && token.errors == "pageserver: safekeeper_auth_token_path: \(empty) has no token\n")
        #expect(try run("import").status == 64)
        #expect(try run("--help").status == 0)
        let wrong = try run("--ingest-batch-size", "0")
        #expect(wrong.errors == "pageserver: --ingest-batch-size = 0, expected a whole number from 1 to 1000000\n")
    }

    @Test("a port that is taken: the error names the address, the setting, and what to do")
    func takenPort() throws {
        let place = try Place()
        let other = try FaultyProxy(to: 1) { _ in .none }
        defer { other.stop() }
        let config = place.folder.path(of: "taken.toml")
        try "listen_http_addr = \"127.0.0.1:\(other.port)\"".write(toFile: config, atomically: true, encoding: .utf8)
        let taken = try run("--config", config, "-D", place.workdir)
        let reason = "Address already in use: another process listens there; stop it, or choose another port"
        #expect(taken.status == 1)
        #expect(taken.errors == "pageserver: can't listen at 127.0.0.1:\(other.port) (listen_http_addr): \(reason)\n")
    }

    /// `KILL_ROUNDS` for `make soak`.
    @Test("kill -9 at any time, again and again: nothing that was durable is missing, nothing is wrong in the end")
    func kills() async throws {
        let rounds = ProcessInfo.processInfo.environment["KILL_ROUNDS"].flatMap { Int($0) } ?? 6
        let seed = UInt64.random(in: 0...UInt64.max)
        print("pageserver kill -9: seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let reference = try await ReferenceRun()
        let place = try Place()
        try importBackup(reference.outcome, place, shards: 0)
        // So slow that all kills hit it at work: there are some 900 messages, and each round lasts 0.4 s at most.
        let pause = UInt32(rounds * 900)
        let proxy = try FaultyProxy(to: reference.kept.safekeeper.port) { _ in
            usleep(pause)
            return .none
        }
        defer { proxy.stop() }
        let pageserver = try PageserverProcess(workdir: place.workdir, settings: settings(port: proxy.port))
        var durable = LSN.invalid
        var first: LSN?
        for round in 0..<rounds {
            try pageserver.start()
            let status = try pageserver.get("/v1/status")
            let reopened = try #require(Self.lsn("last_record_lsn", in: status), "seed \(seed): \(status)")
            #expect(reopened >= durable, "seed \(seed), round \(round)")
            first = first ?? reopened
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...400, using: &random)))
            let last = try pageserver.get("/v1/status")
            if let now = Self.lsn("disk_consistent_lsn", in: last) { durable = now }
            let received = try #require(Self.lsn("last_record_lsn", in: last), "seed \(seed): \(last)")
            #expect(received < reference.end, "seed \(seed): kill \(round) was in the middle")
            #expect(pageserver.stop(SIGKILL) == 128 + SIGKILL)
        }
        proxy.stop()
        #expect(durable > first ?? .invalid, "seed \(seed)")
        let quick = try PageserverProcess(
            workdir: place.workdir,
            settings: settings(port: reference.kept.safekeeper.port)
        )
        try quick.start()
        let end = reference.end
        try await eventually(within: .seconds(60), "at \(end)") {
            Self.lsn("last_record_lsn", in: try quick.get("/v1/status")) == end
        }
        #expect(quick.stop() == 0, "\(quick.log)")
        let shard = try timelineShard(stripe: 4)
        let path = "\(place.workdir)/tenants/\(tenant)/timelines/\(timeline)/store"
        let store = try RocksDBStore(path: path)
        #expect(try ShardIngest(opening: store, as: shard).positions.lastRecordLSN == end)
        #expect(try StoreContent(store).differences(from: reference.content) == [], "seed \(seed)")
    }

    private static func lsn(_ name: String, in text: String) -> LSN? {
        guard let range = text.range(of: "\"\(name)\":\"") else { return nil }
        return LSN(String(text[range.upperBound...].prefix { $0 != "\"" }))
    }
}
