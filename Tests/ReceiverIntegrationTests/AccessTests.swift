import Foundation
import Ingest
import PageserverHarness
import PostgresHarness
import PostgresWAL
import SafekeeperHarness
import ShardIdentity
import TestFixtures
import Testing
import WalReceiver

/// Receivers of safekeepers that ask for a token and for TLS.
@Suite("Safekeepers that let nobody in without a token and TLS", .serialized)
struct AccessTests {
    private let folder: TemporaryFolder
    private let access: ProtectedAccess
    private let outcome: Workload.Outcome
    private let kept: KeptTimeline

    init() async throws {
        folder = try TemporaryFolder()
        access = try ProtectedAccess(in: folder.path(of: "access"))
        outcome = try Workload.shared(major: 15)
        let start = try BackupImport.run(.archive(outcome.baseBackup), into: [(try timelineShard(), InMemoryStore())])
        kept = try KeptTimeline(outcome.walDirectory, from: start, to: outcome.end)
        try kept.push(to: start + (24 << 20))
        try await kept.restart(flags: access.flags)
    }

    private func options(_ certificate: String = "server.crt") -> String {
        access.verifying(with: certificate).map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    }

    @Test("A pageserver with a token file and libpq's options receives as from any other")
    func settings() async throws {
        let workdir = folder.path(of: "ps")
        try FileManager.default.createDirectory(atPath: workdir, withIntermediateDirectories: true)
        let imported = try FinishedProcess.run(
            try PageserverProcess.executable(),
            [
                "import", "--workdir", workdir, "--tenant-id", "\(tenant)", "--timeline-id", "\(timeline)",
                "--pg-version", "15", "--archive", outcome.baseBackup,
            ]
        )
        try #require(imported.status == 0, "\(imported.errors)")
        let pageserver = try PageserverProcess(
            workdir: workdir,
            settings: """
                store_reserved_space = 0
                safekeeper_connection_options = "\(options())"
                safekeeper_auth_token_path = "\(access.path(of: "token"))"
                [[safekeepers]]
                id = 1
                address = "127.0.0.1:\(kept.safekeeper.port)"
                """
        )
        try pageserver.start()
        // What is whole of what the safekeeper has: a record may be cut.
        let sent = kept.start + (20 << 20)
        try await eventually(within: .seconds(60), "\(pageserver.log)") {
            let status = try pageserver.get("/v1/status")
            guard let range = status.range(of: "\"last_record_lsn\":\"") else { return false }
            return LSN(String(status[range.upperBound...].prefix { $0 != "\"" })).map { $0 >= sent } ?? false
        }
        #expect(try pageserver.get("/v1/status").contains("\"connection_problem\":null,\"last_error\":null"))
        // Without the safekeeper the status says what is wrong.
        kept.safekeeper.stop(SIGKILL)
        try await eventually("the loss is seen: \(pageserver.log)") {
            try pageserver.get("/v1/status").contains("\"connection_problem\":\"connection to server at ")
        }
        #expect(pageserver.stop() == 0, "\(pageserver.log)")
    }

    @Test("Without the right token, without TLS, or with another certificate nothing comes, and the status says why")
    func refusals() async throws {
        let cases: [(token: String?, options: String, reason: String)] = [
            (nil, options(), "no password supplied"),
            (TestKeys.tokenForAll.replacing("Cd8", with: "Cd9"), options(), "JWT authentication error"),
            (TestKeys.tokenForTenant, options(), "JWT authentication error"),
            (TestKeys.tokenForAll, "sslmode=disable", "must connect with TLS"),
            (TestKeys.tokenForAll, options("other.crt"), "certificate verify failed"),
        ]
        for refused in cases {
            let store = InMemoryStore()
            try BackupImport.run(.archive(outcome.baseBackup), into: [(try timelineShard(), store)])
            let shard = try RunningShard(timelineShard(), store, port: kept.safekeeper.port, interpreted) {
                $0.token = refused.token
                $0.connectionOptions = refused.options
            }
            let before = shard.lastRecordLSN
            try await eventually("\(refused): \(shard.receiver.status)") {
                shard.receiver.status.connectionProblem?.contains(refused.reason) ?? false
            }
            #expect(shard.lastRecordLSN == before)
            await shard.stop()
        }
    }
}
