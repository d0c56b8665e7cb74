import Foundation
import SafekeeperHarness
import SafekeeperServer
import ServerSupport
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

    @Test func lifeOfAProcess() async throws {
        let folder = try DataFolder()
        let safekeeper = SafekeeperProcess(directory: folder.path, node: 3)
        try safekeeper.start()
        #expect(try await safekeeper.call("GET", "/v1/status") == (200, #"{"id":3}"#))
        #expect(try await safekeeper.call("POST", "/v1/tenant/timeline", body: Self.creation).status == 200)
        let metrics = try await safekeeper.call("GET", "/metrics").body
        #expect(metrics.contains("\nprocess_resident_memory_bytes ") && metrics.contains("\nlibmetrics_build_info{"))
        let first = try #require(safekeeper.pid)

        let second = SafekeeperProcess(directory: folder.path, node: 3)
        let refusal = #expect(throws: SafekeeperFailure.self) { try second.start() }
        #expect(refusal?.message.contains("ended with status 1:") == true, "\(refusal?.message ?? "")")
        #expect(refusal?.message.contains("is used by process \(first): file is already locked") == true)
        let pid = try String(contentsOfFile: folder.path + "/safekeeper.pid", encoding: .utf8)
        #expect(pid == "\(first)", "the second start left it alone")

        #expect(safekeeper.stop(SIGTERM) == 0)
        #expect(safekeeper.log.contains("  INFO received SIGTERM, terminating\n"))
        #expect(safekeeper.log.hasSuffix("  INFO safekeeper has stopped\n"))
        try safekeeper.start()
        let status = try await safekeeper.call("GET", "/v1/tenant/\(Self.tenant)/timeline/\(Self.timeline)")
        #expect(status.status == 200 && status.body.contains(#""pg_version":160004"#))
        // Without any order: what was acknowledged stays.
        #expect(safekeeper.stop(SIGKILL) == 128 + SIGKILL)
        try safekeeper.start()
        #expect(try await safekeeper.call("GET", "/v1/tenant/timeline").body.contains(Self.timeline))
        #expect(safekeeper.stop(SIGINT) == 0)
    }

    @Test func quitEndsAtOnce() throws {
        let folder = try DataFolder()
        let safekeeper = SafekeeperProcess(directory: folder.path)
        try safekeeper.start()
        #expect(safekeeper.stop(SIGQUIT) == 128 + SIGQUIT)
        #expect(!safekeeper.log.contains("terminating"))
    }

    @Test func aRequestThatNeverEndsHoldsUpNothing() throws {
        let folder = try DataFolder()
        let safekeeper = SafekeeperProcess(directory: folder.path)
        try safekeeper.start()
        let connection = try BlockingConnection(port: safekeeper.httpPort)
        let request = "POST /v1/tenant/timeline HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
        try connection.send(Array(request.utf8))
        let idle = try BlockingConnection(port: safekeeper.httpPort)
        let start = ContinuousClock.now
        #expect(safekeeper.stop() == 0)
        #expect(ContinuousClock.now - start < .seconds(5))
        withExtendedLifetime((connection, idle)) {}
    }

    @Test func itMayOpenAsManyFilesAsTheSystemAllows() async throws {
        let folder = try DataFolder()
        let limits = launcher(openFiles: 100, raisedUpTo: 1000)
        let safekeeper = SafekeeperProcess(directory: folder.path, launcher: limits)
        try safekeeper.start()
        #expect(safekeeper.log.contains("  INFO limit of open files raised from 100 to 1000\n"))
        #expect(try await safekeeper.call("GET", "/metrics").body.contains("\nprocess_max_fds 1000\n"))
    }

    @Test func withoutDescriptorsItServesThoseWhoAreThereAndLaterTheOthers() async throws {
        let folder = try DataFolder()
        // Event loops have descriptors, too.
        let limit = 80 + 8 * ProcessInfo.processInfo.activeProcessorCount
        let limits = launcher(openFiles: limit, raisedUpTo: limit)
        let safekeeper = SafekeeperProcess(directory: folder.path, launcher: limits)
        try safekeeper.start()
        func login() throws -> BlockingConnection {
            let connection = try BlockingConnection(port: safekeeper.port)
            try connection.start(options: "-c tenant_id=\(Self.tenant) timeline_id=\(Self.timeline)")
            return connection
        }
        let early = try login()
        // The system takes them for the safekeeper, as many as wait in the listening socket's queue.
        var others = try (0..<limit).map { _ in try BlockingConnection(port: safekeeper.port) }
        others.append(try BlockingConnection(port: safekeeper.httpPort))
        func warnings() -> Int {
            safekeeper.log.components(separatedBy: "no connection can be taken, trying again in 1 s: ").count - 1
        }
        let deadline = ContinuousClock.now + .seconds(20)
        while warnings() < 2, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(10)) }
        // Each port tries once in a second, and not all the time.
        try await Task.sleep(for: .seconds(2))
        #expect((2...20).contains(warnings()), "\(safekeeper.log.suffix(2_000))")
        try early.query("SHOW server_version")
        #expect(try early.receive() != nil)
        others = []
        _ = try login()
        #expect(try await safekeeper.call("GET", "/v1/status").status == 200)
        #expect(safekeeper.stop() == 0)
    }

    @Test func settingsComeFromFileAndFlags() throws {
        let folder = try DataFolder()
        try folder.outside.write("id = 5\nlog_format = \"json\"\nshutdown_timeout = \"9s\"".utf8, to: "settings.toml")
        let settings = folder.outside.path(of: "settings.toml")
        let safekeeper = SafekeeperProcess(directory: folder.path, node: 6, flags: ["--config", settings])
        try safekeeper.start()
        #expect(safekeeper.stop() == 0)
        let lines = safekeeper.log.split(separator: "\n")
        #expect(lines.allSatisfy { $0.hasPrefix(#"{"timestamp":"#) && $0.hasSuffix("}}") })
        #expect(lines.contains { $0.contains(#""message":"safekeeper ID 6""#) }, "the flag wins over the file")
        let stored = try String(contentsOfFile: folder.path + "/safekeeper.id", encoding: .utf8)
        #expect(stored == "6")
    }

    @Test func whatIsWrongIsTold() throws {
        let folder = try TemporaryFolder()
        try folder.write("listen_pq = 1".utf8, to: "settings.toml")
        let wrong = try Self.run("-c", folder.path(of: "settings.toml"))
        #expect(wrong.status == 1)
        #expect(
            wrong.errors.hasSuffix("unknown key listen_pq; the nearest known one is listen_pg\n"),
            "\(wrong.errors)"
        )
        let range = try Self.run("--wal-queue-messages", "0")
        #expect(range.errors == "safekeeper: --wal-queue-messages = 0, expected a whole number from 1 to 65536\n")
        #expect(range.status == 1)
        #expect(try Self.run("--no-such-flag").status == 64)
    }

    @Test func helpHasEveryKey() throws {
        let help = try Self.run("--help")
        #expect(help.status == 0)
        for key in ConfigurationKey.all {
            #expect(help.text.contains(ConfigurationKey.flag(key.name)), "\(key.name)")
        }
        #expect(help.text.contains("Three safekeepers on one machine"))
        #expect(try Self.run("--version").text == SafekeeperVersion.text + "\n")
        #expect(try Self.run("--print-config").text == ConfigurationKey.fileText)
    }

    @Test func toolsForDataDirectories() throws {
        let folder = try TemporaryFolder()
        let made = try Self.run("--init", "--id", "9", "-D", folder.path)
        #expect(made.status == 0 && made.errors == "initialized safekeeper id 9\n")
        let other = try Self.run("--init", "--id", "8", "-D", folder.path)
        #expect(other.status == 1)
        #expect(other.errors == "safekeeper: safekeeper already initialized with id 9, can't set 8\n")
        try folder.write("rubbish".utf8, to: "control")
        let dump = try Self.run("--dump-control-file", folder.path(of: "control"))
        #expect(dump.status == 1 && dump.errors.contains("safekeeper control file of 7 bytes"), "\(dump.errors)")
    }

    private static func run(_ arguments: String...) throws -> FinishedProcess {
        try FinishedProcess.run(try SafekeeperProcess.executable(), arguments)
    }
}

/// A data directory with a folder around it, where the log goes.
struct DataFolder {
    let outside: TemporaryFolder
    var path: String { outside.path(of: "data") }

    init() throws {
        outside = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
}
