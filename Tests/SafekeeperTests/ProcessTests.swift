import Foundation
import SafekeeperServer
import TestFixtures
import Testing

@Suite("The safekeeper program")
struct ProcessTests {
    private static let tenant = "00112233445566778899aabbccddeeff"
    private static let timeline = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    private static let creation = """
        {"tenant_id":"\(tenant)","timeline_id":"\(timeline)","mconf":{"generation":1,\
        "members":[{"id":3,"host":"sk3","pg_port":5454}],"new_members":null},"pg_version":160004,\
        "start_lsn":"0/14EE150"}
        """

    @Test(.timeLimit(.minutes(1)))
    func lifeOfAProcess() async throws {
        let folder = try TemporaryFolder()
        let first = try SafekeeperProgram(folder, "--id", "3")
        let port = try await first.httpPort()
        #expect(try await request(port, "GET", "/v1/status") == (200, #"{"id":3}"#))
        #expect(try await request(port, "POST", "/v1/tenant/timeline", Self.creation).0 == 200)
        let metrics = try await request(port, "GET", "/metrics").1
        #expect(metrics.contains("process_resident_memory_bytes") && metrics.contains("libmetrics_build_info{"))
        #expect(first.log.contains { $0.contains("starting safekeeper WAL service on 127.0.0.1:") })

        let second = try SafekeeperProgram(folder)
        let refusal = await second.text(after: "is used by process ")
        #expect(refusal == "\(first.processIdentifier): file is already locked")
        #expect(await second.exitStatus() == 1)
        let pid = try String(contentsOfFile: folder.path(of: "safekeeper.pid"), encoding: .utf8)
        #expect(pid == "\(first.processIdentifier)", "the second start left it alone")

        first.signal(SIGTERM)
        #expect(await first.exitStatus() == 0)
        #expect(first.log.contains { $0.hasSuffix("received SIGTERM, terminating") })
        #expect(first.log.last?.hasSuffix("safekeeper has stopped") == true)

        let third = try SafekeeperProgram(folder)
        let newPort = try await third.httpPort()
        let status = try await request(newPort, "GET", "/v1/tenant/\(Self.tenant)/timeline/\(Self.timeline)")
        #expect(status.0 == 200 && status.1.contains(#""pg_version":160004"#))
        // Without any order: what was acknowledged stays.
        third.signal(SIGKILL)
        #expect(await third.exitStatus() == 1000 + SIGKILL)
        let fourth = try SafekeeperProgram(folder)
        let lastPort = try await fourth.httpPort()
        #expect(try await request(lastPort, "GET", "/v1/tenant/timeline").1.contains(Self.timeline))
        fourth.signal(SIGINT)
        #expect(await fourth.exitStatus() == 0)
    }

    @Test(.timeLimit(.minutes(1)))
    func quitEndsAtOnce() async throws {
        let folder = try TemporaryFolder()
        let program = try SafekeeperProgram(folder, "--id", "3")
        _ = try await program.httpPort()
        program.signal(SIGQUIT)
        #expect(await program.exitStatus() == 128 + SIGQUIT)
    }

    @Test(.timeLimit(.minutes(1)))
    func settingsComeFromFileAndFlags() async throws {
        let folder = try TemporaryFolder()
        try folder.write("id = 5\nlog_format = \"json\"\nshutdown_timeout = \"9s\"".utf8, to: "settings.toml")
        let program = try SafekeeperProgram(folder, "--config", folder.path(of: "settings.toml"), "--id", "6")
        let text = await program.text(after: #""message":"safekeeper ID "#)
        #expect(text?.hasPrefix("6\"") == true, "the flag wins over the file")
        _ = await program.text(after: "starting safekeeper HTTP service on")
        program.signal(SIGTERM)
        #expect(await program.exitStatus() == 0)
        let stored = try String(contentsOfFile: folder.path(of: "safekeeper.id"), encoding: .utf8)
        #expect(stored == "6")

        try folder.write("listen_pq = 1".utf8, to: "settings.toml")
        let wrong = try FinishedProcess.run(SafekeeperProgram.path, ["-c", folder.path(of: "settings.toml")])
        #expect(wrong.status == 1)
        #expect(
            wrong.errors.hasSuffix("unknown key listen_pq; the nearest known one is listen_pg\n"),
            "\(wrong.errors)"
        )
        let range = try FinishedProcess.run(SafekeeperProgram.path, ["--wal-queue-messages", "0"])
        #expect(
            range.errors == "safekeeper: --wal-queue-messages = 0, expected a whole number from 1 to 65536\n"
                && range.status == 1
        )
        #expect(try FinishedProcess.run(SafekeeperProgram.path, ["--no-such-flag"]).status == 64)
    }

    @Test func helpHasEveryKey() throws {
        let help = try FinishedProcess.run(SafekeeperProgram.path, ["--help"])
        #expect(help.status == 0)
        for key in ConfigurationKey.all {
            #expect(help.text.contains(ConfigurationKey.flag(key.name)), "\(key.name)")
        }
        #expect(help.text.contains("Three safekeepers on one machine"))
        #expect(try FinishedProcess.run(SafekeeperProgram.path, ["--version"]).text == SafekeeperVersion.text + "\n")
        #expect(try FinishedProcess.run(SafekeeperProgram.path, ["--print-config"]).text == ConfigurationKey.fileText)
    }

    @Test func toolsForDataDirectories() throws {
        let folder = try TemporaryFolder()
        let made = try FinishedProcess.run(SafekeeperProgram.path, ["--init", "--id", "9", "-D", folder.path])
        #expect(made.status == 0 && made.errors == "initialized safekeeper id 9\n")
        let other = try FinishedProcess.run(SafekeeperProgram.path, ["--init", "--id", "8", "-D", folder.path])
        #expect(other.status == 1)
        #expect(other.errors == "safekeeper: safekeeper already initialized with id 9, can't set 8\n")
        try folder.write("rubbish".utf8, to: "control")
        let dump = try FinishedProcess.run(SafekeeperProgram.path, ["--dump-control-file", folder.path(of: "control")])
        #expect(dump.status == 1 && dump.errors.contains("safekeeper control file of 7 bytes"))
    }
}
