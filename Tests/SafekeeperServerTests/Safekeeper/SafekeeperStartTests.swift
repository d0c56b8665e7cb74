import Glibc
import NIOCore
import ReplicationProtocol
import SafekeeperHarness
import SafekeeperServer
import ServerSupport
import Telemetry
import TestFixtures
import Testing

@Suite("Start and end of a safekeeper")
struct SafekeeperStartTests {
    @Test func twoInOneProcessDoNotShareAnything() async throws {
        let folders = [try TemporaryFolder(), try TemporaryFolder()]
        try await RunningSafekeeper.with(RunningSafekeeper.configuration(folders[0], id: 1)) { first in
            try await RunningSafekeeper.with(RunningSafekeeper.configuration(folders[1], id: 2)) { second in
                #expect(try await first.http("GET", "/v1/status").body == #"{"id":1}"#)
                #expect(try await second.http("GET", "/v1/status").body == #"{"id":2}"#)
                let created = try await first.http(
                    "POST",
                    "/v1/tenant/timeline",
                    ManagementSample.creation(configuration: ManagementSample.configuration(1, 1, 2))
                )
                #expect(created.status == 200, "\(created.body)")
                #expect(try await first.http("GET", ManagementSample.path).status == 200)
                #expect(try await second.http("GET", ManagementSample.path).status == 404)
                #expect(try await first.http("GET", "/metrics").body.contains("\nsafekeeper_timelines 1\n"))
                #expect(try await second.http("GET", "/metrics").body.contains("\nsafekeeper_timelines 0\n"))
            }
        }
    }

    @Test func timelinesTermsAndTombstonesSurviveARestart() async throws {
        let folder = try TemporaryFolder()
        let other = "11112222333344445555666677778888"
        try await RunningSafekeeper.with(RunningSafekeeper.configuration(folder)) { running in
            _ = try await running.http("POST", "/v1/tenant/timeline", ManagementSample.creation())
            _ = try await running.http("POST", "/v1/tenant/timeline", ManagementSample.creation(timeline: other))
            _ = try await running.http("POST", ManagementSample.path + "/term_bump", #"{"term":42}"#)
            _ = try await running.http("DELETE", "/v1/tenant/\(ManagementSample.tenant)/timeline/\(other)")
        }
        var configuration = RunningSafekeeper.configuration(folder)
        configuration.id = nil
        try await RunningSafekeeper.with(configuration) { running in
            #expect(running.safekeeper.node.rawValue == 7)
            let status = try await running.http("GET", ManagementSample.path)
            #expect(status.status == 200 && status.body.contains(#""term":42,"#), "\(status.body)")
            let deleted = try await running.http("GET", "/v1/tenant/\(ManagementSample.tenant)/timeline/\(other)")
            #expect(deleted.status == 404 && deleted.body.contains("deleted"))
            #expect(
                try await running.http("POST", "/v1/tenant/timeline", ManagementSample.creation(timeline: other)).status
                    == 500
            )
        }
    }

    private static let addressInUse =
        "Address already in use: another process listens there; stop it, or choose another port"

    private func start(_ configuration: SafekeeperConfiguration) async -> StartError? {
        let metrics = PrometheusRegistry()
        do throws(StartError) {
            _ = try await Safekeeper.start(configuration, log: RunningSafekeeper.log(metrics), metrics: metrics)
            return nil
        } catch {
            return error
        }
    }

    @Test func whatCannotStartSaysWhy() async throws {
        let folder = try TemporaryFolder()
        let resolved = realpath(folder.path, nil)
        let path = resolved.map { String(cString: $0) } ?? ""
        free(resolved)
        let configuration = RunningSafekeeper.configuration(folder)

        var wrong = configuration
        wrong.datadir = "/nowhere"
        #expect(await start(wrong)?.description == "data directory: can't open /nowhere: No such file or directory")
        wrong = configuration
        wrong.id = nil
        #expect(await start(wrong)?.description == "safekeeper id is not specified")
        wrong = configuration
        wrong.httpAuthPublicKeyPath = "missing.pem"
        #expect(
            await start(wrong)?.description
                == "http_auth_public_key_path: can't open \(path)/missing.pem: No such file or directory"
        )
        wrong = configuration
        try folder.write("no key".utf8, to: "bad.pem")
        wrong.pgAuthPublicKeyPath = "bad.pem"
        #expect(
            await start(wrong)?.description
                .hasPrefix("pg_auth_public_key_path: \(path)/bad.pem is no Ed25519 public key") == true
        )
        wrong = configuration
        wrong.walServiceTLS = .required
        #expect(await start(wrong)?.description.hasPrefix("ssl_cert_file, ssl_key_file: ") == true)

        try await RunningSafekeeper.with(configuration) { running in
            #expect(
                await self.start(configuration)?.description
                    == "data directory \(path) is used by process \(getpid()): file is already locked"
            )
            let elsewhere = try TemporaryFolder()
            var taken = RunningSafekeeper.configuration(elsewhere)
            taken.listenPG = ListenAddress(host: "127.0.0.1", port: UInt16(running.addresses.pg.port ?? 0))
            #expect(
                await self.start(taken)?.description
                    == "can't listen at \(taken.listenPG) (listen_pg): \(Self.addressInUse)"
            )
            taken = RunningSafekeeper.configuration(elsewhere)
            let http = ListenAddress(host: "127.0.0.1", port: UInt16(running.addresses.http.port ?? 0))
            taken.listenHTTP = http
            let error = await #expect(throws: StartError.self) {
                try await RunningSafekeeper.with(taken) { _ in }
            }
            #expect(error?.description == "can't listen at \(http) (listen_http): \(Self.addressInUse)")
            #expect(try await running.http("GET", "/v1/status").status == 200, "the one that runs is not disturbed")
        }

        wrong = configuration
        wrong.id = 8
        #expect(await start(wrong)?.description == "safekeeper already initialized with id 7, can't set 8")
        #expect(await start(configuration) == nil, "nothing of the failures stays")
    }
}
