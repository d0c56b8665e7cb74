import Glibc
import PostgresHarness
import PostgresWAL
import SafekeeperHarness
import Testing
import WalProposer

/// What ends a push with an error, and what only makes it wait.
@Suite(.mayBlock, .serialized, .timeLimit(.minutes(2))) struct RefusalTests {
    @Test func anotherServer() async throws {
        let cluster = try PushCluster(major: 15, count: 1)
        let push = try cluster.push()
        try await push.waitUntilStreaming()
        try await push.stop()
        let system = UInt64(try cluster.server.controlData("Database system identifier"))
        try await PostgresServer.withPostgres(major: 15) { other in
            let otherSystem = UInt64(try other.controlData("Database system identifier"))
            let failure = await (try cluster.push { $0.source = other.connectionString() }).failure()
            #expect(
                failure
                    == .differentSystem(
                        safekeeper: cluster.addresses[0],
                        found: try #require(system),
                        server: try #require(otherSystem)
                    )
            )
        }
    }

    /// A server that was promoted, and WAL that is gone.
    @Test func promotedServersAndMissingWAL() async throws {
        let cluster = try PushCluster(major: 15, count: 1, settings: ["wal_keep_size": "0", "max_wal_size": "32MB"])
        let server = cluster.server
        let push = try cluster.push()
        try await push.waitUntilStreaming()
        try await push.stop()
        // Nothing keeps the WAL from here on.
        for _ in 0..<4 { try server.psql("select pg_logical_emit_message(false, 'x', 'y'); select pg_switch_wal()") }
        try server.psql("checkpoint")
        try server.psql("checkpoint")
        let failure = await (try cluster.push { $0.creates = false }).failure()
        guard case .walMissing(_, let words)? = failure, words.contains("has already been removed") else {
            Issue.record("\(failure as Any)")
            return
        }
        try server.stop()
        try #require(creat("\(server.dataDirectory)/standby.signal", 0o644) >= 0)
        try server.start()
        try server.psql("select pg_promote()")
        try await waitUntil("it is promoted") { try server.psql("select pg_is_in_recovery()") == "f" }
        let promoted = await (try cluster.push { $0.creates = false }).failure()
        guard case .postgresTimeline(2, _)? = promoted else {
            Issue.record("\(promoted as Any)")
            return
        }
    }

    @Test func slotsAndStarts() async throws {
        let cluster = try PushCluster(major: 16, count: 1)
        // Nobody has made the timeline, and nobody may.
        let waiting = try cluster.push { $0.creates = false }
        try await waitUntil("the problem is seen") {
            await waiting.push.status.proposer?.members[0].problem
                == "it closed the connection, as a safekeeper does that does not have the timeline"
        }
        try await waiting.stop()
        // A slot that is not there, and one that is made.
        let push = try cluster.push { $0.slot = "safekeepers" }
        try await push.waitUntilStreaming()
        #expect(
            try cluster.server.psql("select active from pg_replication_slots where slot_name = 'safekeepers'") == "t"
        )
        try cluster.server.psql("create table t (i int)")
        let end = try cluster.server.currentWALFlushLSN()
        try await push.waitUntilDurable(end)
        try await waitUntil("the slot has moved on") {
            try cluster.server.psql("select restart_lsn >= '\(end)' from pg_replication_slots") == "t"
        }
        try await push.stop()
        let failure = await (try cluster.push { ($0.slot, $0.creates) = ("none", false) }).failure()
        #expect(failure == .slot("none", server: "replication slot \"none\" does not exist"))
        let start = try await cluster.startLSN()
        let elsewhere = await (try cluster.push { $0.startLSN = start + 8 }).failure()
        #expect(elsewhere == .differentStart(found: start, expected: start + 8))
        let unreachable = await (try cluster.push { $0.source = "host=/nowhere" }).failure()
        guard case .sourceUnavailable? = unreachable else {
            Issue.record("\(unreachable as Any)")
            return
        }
    }

    /// A safekeeper that was away for longer than WAL stays in memory is served by the server, and by another safekeeper
    /// when the server has removed it.
    @Test func lateSafekeepersCatchUp() async throws {
        let cluster = try PushCluster(
            major: 17,
            settings: ["wal_keep_size": "1GB", "max_wal_size": "2MB", "min_wal_size": "2MB"],
            initdbOptions: ["--wal-segsize=1"]
        )
        let server = cluster.server
        let push = try cluster.push { $0.windowBytes = 1 << 20 }
        try await push.waitUntilStreaming()
        for isRemoved in [false, true] {
            cluster.safekeepers[2].stop(SIGKILL)
            try server.psql("drop table if exists t; create table t as select i from generate_series(1, 100000) i")
            let end = try server.currentWALFlushLSN()
            try await push.waitUntilDurable(end, members: [0, 1])
            if isRemoved {
                // Only now: there is no slot that would keep what the push itself has not received yet.
                try server.configure(["wal_keep_size": "0"])
                try server.reload()
                try server.psql("select pg_switch_wal(); checkpoint; checkpoint")
            }
            try cluster.safekeepers[2].start()
            try await push.waitUntilDurable(end)
        }
        // All but the server's oldest segments can be compared; the safekeepers' must be the same among each other.
        let end = try server.currentWALFlushLSN()
        try await push.waitUntilDurable(end)
        try await cluster.expectIdenticalMembers(upTo: end)
        try await push.stop()
    }
}
