import Foundation
import PostgresHarness
import PostgresWAL
import SafekeeperHarness
import Synchronization
import Testing
import WalProposer

/// Processes that die, stand still and come back.
@Suite(.mayBlock, .serialized, .timeLimit(.minutes(5))) struct FaultTests {
    /// How often everything happens in one test; more in `make soak`.
    private static let rounds = ProcessInfo.processInfo.environment["PUSH_ROUNDS"].flatMap { Int($0) } ?? 1

    /// pgbench never sees an error while safekeepers die one after the other, one stands still, all but one are gone,
    /// and the proposer is replaced.
    @Test(arguments: [15, 16, 17]) func pgbenchSeesNoError(major: Int) async throws {
        let cluster = try PushCluster(major: major, initdbOptions: ["--wal-segsize=1"])
        var push = try cluster.push()
        try await push.waitUntilStreaming()
        try cluster.server.run("pgbench", ["--initialize", "--quiet", "--scale=1", "postgres"])
        try cluster.makeSynchronous()
        let load = PgbenchLoad(cluster.server)
        try await load.waitForProgress()

        for _ in 0..<Self.rounds {
            for safekeeper in cluster.safekeepers {
                safekeeper.stop(SIGKILL)
                try await load.waitForProgress()
                try safekeeper.start()
                try await push.waitUntilDurable(try cluster.server.currentWALFlushLSN())
            }
            cluster.safekeepers[1].signal(SIGSTOP)
            try await load.waitForProgress()
            cluster.safekeepers[1].signal(SIGCONT)

            // Without a quorum COMMITs wait, and nothing is lost by waiting.
            cluster.safekeepers[0].stop(SIGKILL)
            cluster.safekeepers[2].stop(SIGKILL)
            // All others wait for the row that the first one holds.
            try await waitUntil("clients wait") { try cluster.waitingCommits() > 0 }
            try cluster.safekeepers[0].start()
            try cluster.safekeepers[2].start()
            try await load.waitForProgress()

            try await push.stop()
            try await waitUntil("clients wait") { try cluster.waitingCommits() > 0 }
            push = try cluster.push { $0.creates = false }
            try await load.waitForProgress()
        }

        try await load.stop()
        let end = try cluster.server.currentWALFlushLSN()
        try await push.waitUntilDurable(end)
        try await cluster.expectIdenticalWAL(upTo: end)
        try await push.stop()
    }

    /// The server is killed in the middle of a load: the same proposer goes on with it, and WAL stays the same.
    @Test func theServerIsKilled() async throws {
        let cluster = try PushCluster(major: 16)
        let push = try cluster.push()
        try await push.waitUntilStreaming()
        try cluster.makeSynchronous()
        try cluster.server.psql("create table t (i int)")
        for round in 1...2 {
            let inserting = try cluster.server.startPsql("insert into t select i from generate_series(1, 3000000) i")
            let before = await push.push.status.receivedBytes
            try await waitUntil("WAL flows") { await push.push.status.receivedBytes > before + 4_000_000 }
            cluster.server.killNow()
            inserting.wait()
            try cluster.server.start()
            try cluster.server.psql("insert into t values (\(round))")
        }
        let end = try cluster.server.currentWALFlushLSN()
        try await push.waitUntilDurable(end)
        try await cluster.expectIdenticalWAL(upTo: end)
        #expect(await push.push.status.electionCount == 1)
        try await push.stop()
    }

    /// A server that is put back to an earlier state has lost WAL that one safekeeper has, and a quorum has not: what it
    /// writes instead wins, and the safekeeper's is cut off.
    @Test func whatOnlyAMinorityHasIsReplaced() async throws {
        let cluster = try PushCluster(major: 17)
        let server = cluster.server
        var push = try cluster.push()
        try await push.waitUntilStreaming()
        try server.psql("create table t (i int)")
        try await push.waitUntilDurable(try server.currentWALFlushLSN())
        try server.stop(.fast)
        let snapshot = "\(server.folder)/snapshot"
        try run("/bin/cp", "-a", server.dataDirectory, snapshot)
        try server.start()

        for member in [0, 1] { cluster.safekeepers[member].stop(SIGKILL) }
        try server.psql("insert into t select i from generate_series(1, 10000) i")
        let lost = try server.currentWALFlushLSN()
        try await push.waitUntilDurable(lost, members: [2])
        server.killNow()
        try await push.stop()
        cluster.safekeepers[2].stop(SIGKILL)
        try run("/bin/rm", "-rf", server.dataDirectory)
        try run("/bin/mv", snapshot, server.dataDirectory)
        try server.start()
        for member in [0, 1] { try cluster.safekeepers[member].start() }
        push = try cluster.push { $0.creates = false }
        try server.psql("insert into t select -i from generate_series(1, 20000) i")
        let end = try server.currentWALFlushLSN()
        try #require(end > lost)
        try await push.waitUntilDurable(end, members: [0, 1])
        try cluster.safekeepers[2].start()
        try await push.waitUntilDurable(end)
        try await cluster.expectIdenticalWAL(upTo: end)
        try await push.stop()
    }

    /// The same when a quorum has the WAL: that is an error that names both sides, and nothing is overwritten.
    @Test func aServerThatHasLostCommittedWALIsRefused() async throws {
        let cluster = try PushCluster(major: 15)
        let server = cluster.server
        let push = try cluster.push()
        try await push.waitUntilStreaming()
        try server.stop(.fast)
        let snapshot = "\(server.folder)/snapshot"
        try run("/bin/cp", "-a", server.dataDirectory, snapshot)
        try server.start()
        try server.psql("create table t as select i from generate_series(1, 10000) i")
        let end = try server.currentWALFlushLSN()
        try await push.waitUntilDurable(end)
        server.killNow()
        try run("/bin/rm", "-rf", server.dataDirectory)
        try run("/bin/mv", snapshot, server.dataDirectory)
        try server.start()
        // The one that was at work sees it when it comes back to the server,
        let running = await push.failure()
        guard case .serverLostWAL(let found, let received)? = running, found < end, received >= end else {
            Issue.record("\(running as Any)")
            return
        }
        // and a new one at the election.
        let fresh = await (try cluster.push { $0.creates = false }).failure()
        guard case .proposer(.serverBehind(let elected, let serverFlush, _))? = fresh else {
            Issue.record("\(fresh as Any)")
            return
        }
        #expect(elected >= end && serverFlush < end)
    }

    private func run(_ program: String, _ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(program) \(arguments)")
    }
}

/// pgbench, again and again, each time for two seconds; its errors fail the test.
final class PgbenchLoad: Sendable {
    private let server: PostgresServer
    private let isStopped = Mutex(false)
    private let finished: AsyncStream<Void>

    init(_ server: PostgresServer) {
        self.server = server
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        finished = stream
        Thread { [self] in
            while !isStopped.withLock({ $0 }) {
                do {
                    let arguments = ["--client=4", "--time=2", "--no-vacuum", "postgres"]
                    let output = try server.run("pgbench", arguments)
                    #expect(!output.errors.contains("ERROR"), "\(output.errors)")
                } catch {
                    Issue.record("pgbench has failed: \(error)")
                    break
                }
            }
            continuation.finish()
        }.start()
    }

    /// Waits until more transactions are through.
    func waitForProgress() async throws {
        let before = try count()
        try await waitUntil("transactions go on") { try count() >= before + 20 }
    }

    /// Ends it and waits for the end.
    func stop() async throws {
        isStopped.withLock { $0 = true }
        for await _ in finished {}
    }

    private func count() throws -> Int {
        Int(try server.psql("select count(*) from pgbench_history")) ?? 0
    }
}
