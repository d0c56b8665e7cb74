import Glibc
import PostgresHarness
import SafekeeperHarness
import Testing

/// `walctl push` to safekeepers that ask for a token and for TLS.
@Suite(.mayBlock, .serialized, .timeLimit(.minutes(1))) struct AccessTests {
    /// Starts a push; the environment says how libpq is to trust safekeepers, the connection string how the server.
    private func push(
        _ cluster: PushCluster,
        token: String? = "token",
        _ environment: [String: String],
        log: String
    ) throws -> PushProcess {
        let access = try #require(cluster.access)
        return try PushProcess(
            from: cluster.server.connectionString() + " sslmode=disable",
            ports: cluster.safekeepers.map(\.port),
            tenant: cluster.tenant,
            timeline: cluster.timeline,
            flags: ["--create"] + (token.map { ["--token-file", access.path(of: $0)] } ?? []),
            environment: environment,
            logPath: "\(cluster.server.folder)/\(log)"
        )
    }

    private func verifying(_ cluster: PushCluster, with certificate: String = "server.crt") throws -> [String: String] {
        let options = try #require(cluster.access).verifying(with: certificate)
        return Dictionary(uniqueKeysWithValues: options.map { ("PG" + $0.key.uppercased(), $0.value) })
    }

    /// A COMMIT waits for such safekeepers as for others, and one that comes back is served like one.
    @Test func tokenAndCertificate() async throws {
        let cluster = try PushCluster(major: 15, isProtected: true)
        let push = try push(cluster, try verifying(cluster), log: "push.log")
        try cluster.makeSynchronous()
        try cluster.server.psql("create table t as select i from generate_series(1, 10000) i")
        cluster.safekeepers[2].stop(SIGKILL)
        try cluster.server.psql("insert into t values (0)")
        try cluster.safekeepers[2].start()
        try await waitUntil("all are up to date") {
            push.output.split(separator: "\n").last?.split(separator: "up to date").count == 4
        } onTimeout: {
            push.output
        }
        #expect(push.stop() == 0)
        try await cluster.expectIdenticalWAL(upTo: try cluster.server.currentWALFlushLSN())
    }

    /// Without the right token, without TLS, or with somebody else's certificate nothing goes, and it is said why.
    @Test func refusals() async throws {
        let cluster = try PushCluster(major: 15, count: 1, isProtected: true)
        let trusting = ["PGSSLMODE": "require"]
        let cases: [(token: String?, environment: [String: String], reason: String)] = [
            (nil, trusting, "no password supplied"),
            ("unsigned.token", trusting, "JWT authentication error"),
            ("other-tenant.token", trusting, "JWT authentication error"),
            ("token", ["PGSSLMODE": "disable"], "must connect with TLS"),
            ("token", try verifying(cluster, with: "other.crt"), "certificate verify failed"),
        ]
        for (number, refused) in cases.enumerated() {
            let push = try push(cluster, token: refused.token, refused.environment, log: "\(number).log")
            try await waitUntil("\(refused)") {
                push.output.contains(refused.reason)
            } onTimeout: {
                push.output
            }
            #expect(push.output.contains("waiting for a quorum of safekeepers"))
            #expect(push.exitStatus == nil, "it goes on trying")
            #expect(push.stop() == 0)
        }
        let path = "/v1/tenant/\(cluster.tenant)/timeline/\(cluster.timeline)"
        #expect(try await cluster.safekeepers[0].call("GET", path).status == 404, "nobody has made the timeline")
        let empty = try push(cluster, token: "empty.token", trusting, log: "empty.log")
        try await waitUntil("it has ended") { empty.exitStatus != nil }
        #expect(empty.exitStatus == 64 && empty.output.contains("empty.token has no token in its first line"))
    }
}
