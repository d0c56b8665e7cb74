import Glibc
import PostgresHarness
import PostgresWAL
import ReplicationProtocol
import SafekeeperHarness
import Testing
import WalProposer

/// From a real server to real safekeepers.
@Suite(.mayBlock, .serialized, .timeLimit(.minutes(2))) struct PushTests {
    /// The whole way on each version, in small segments: WAL is identical, a COMMIT waits for a quorum.
    @Test(arguments: [15, 16, 17]) func commitsWaitForAQuorum(major: Int) async throws {
        let cluster = try PushCluster(major: major, initdbOptions: ["--wal-segsize=1"])
        // A majority may speak another protocol than the rest.
        let push = try cluster.push { configuration in
            guard major == 16 else { return }
            for old in 1...2 { configuration.safekeepers[old].protocolVersion = .v2 }
        }
        try await push.waitUntilStreaming()
        try cluster.makeSynchronous()
        try cluster.server.run("pgbench", ["--initialize", "--quiet", "--scale=1", "postgres"])
        try cluster.server.run("pgbench", ["--client=4", "--time=1", "--no-vacuum", "postgres"])
        try cluster.server.psql("select pg_switch_wal(); create table switched (i int)")

        // One may be missing; with two missing COMMITs wait, and go on when one is back.
        cluster.safekeepers[0].stop(SIGKILL)
        try cluster.server.psql("create table one_is_missing (i int)")
        cluster.safekeepers[1].stop(SIGKILL)
        let waiting = try cluster.server.startPsql("create table two_are_missing (i int)")
        try await waitUntil("the COMMIT waits") { try cluster.waitingCommits() == 1 }
        #expect(waiting.exitStatus() == nil)
        try cluster.safekeepers[0].start()
        try await waitUntil("the COMMIT is through") { waiting.exitStatus() == 0 }
        try cluster.safekeepers[1].start()

        let end = try cluster.server.currentWALFlushLSN()
        try await push.waitUntilDurable(end)
        try await cluster.expectIdenticalWAL(upTo: end)
        try await push.stop()
    }
}
