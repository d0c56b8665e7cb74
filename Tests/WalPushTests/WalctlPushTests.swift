import Foundation
import PostgresHarness
import SafekeeperHarness
import ShardIdentity
import Testing

/// `walctl push` as a process.
@Suite(.mayBlock, .serialized, .timeLimit(.minutes(1))) struct WalctlPushTests {
    /// Killed at any time, the next one goes on; SIGTERM ends it with status 0.
    @Test func killedAndEnded() async throws {
        let cluster = try PushCluster(major: 15)
        let log = cluster.server.folder + "/push.log"
        func start(_ flags: [String] = []) throws -> PushProcess {
            try PushProcess(
                from: cluster.server.connectionString(),
                ports: cluster.safekeepers.map(\.port),
                tenant: cluster.tenant,
                timeline: cluster.timeline,
                flags: flags,
                logPath: log
            )
        }
        var push = try start(["--create", "--slot", "walctl"])
        try cluster.makeSynchronous()
        try cluster.server.psql("create table t (i int)")
        for round in 0..<3 {
            push.stop(SIGKILL)
            let waiting = try cluster.server.startPsql("insert into t values (\(round))")
            push = try start(["--slot", "walctl"])
            try await waitUntil("the COMMIT is through") { waiting.exitStatus() == 0 }
        }
        try await waitUntil("all are up to date") {
            push.output.split(separator: "\n").last?.components(separatedBy: "up to date").count == 4
        }
        #expect(push.stop() == 0)
        #expect(push.output.contains(" durable, 0 B behind the server"))
        #expect(push.output.contains("term 4"))
        #expect(!push.output.contains("\u{1B}"))
        let end = try cluster.server.currentWALFlushLSN()
        try await cluster.expectIdenticalWAL(upTo: end)
    }

    @Test func errorsAndHelp() async throws {
        let folder = NSTemporaryDirectory() + "walctl-push-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { deleteTree(folder) }
        func output(_ source: String, _ flags: [String]) async throws -> (status: Int32?, text: String) {
            let push = try PushProcess(
                from: source,
                ports: [1],
                tenant: TenantID(bits: 1),
                timeline: TimelineID(bits: 1),
                flags: flags,
                logPath: "\(folder)/\(UUID().uuidString)"
            )
            try await waitUntil("it has ended") { push.exitStatus != nil }
            return (push.exitStatus, push.output)
        }
        let unreachable = try await output("host=/nowhere", [])
        #expect(unreachable.status == 1 && unreachable.text.contains("Error: could not connect to the server: "))
        #expect(unreachable.text.contains("/nowhere"))
        let start = try await output("host=/nowhere", ["--start", "nonsense"])
        #expect(start.status == 64 && start.text.contains("'nonsense' is no LSN"))
        let help = try await output("", ["--help"])
        #expect(help.status == 0 && help.text.contains("synchronous_standby_names") && help.text.contains("Example:"))
    }
}
