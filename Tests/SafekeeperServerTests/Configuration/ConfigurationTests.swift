import Foundation
import NIOCore
import ReplicationProtocol
import SafekeeperServer
import ServerSupport
import Telemetry
import TestFixtures
import Testing

@Suite("Safekeeper configuration")
struct ConfigurationTests {
    private static let committedFile = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("config/safekeeper.toml")

    @Test func committedFileIsWhatTheKeysSay() throws {
        let text = try String(contentsOf: Self.committedFile, encoding: .utf8)
        #expect(text == ConfigurationKey.fileText, "renew it: safekeeper --print-config > config/safekeeper.toml")
        #expect(text.split(separator: "\n").allSatisfy { $0.utf8.count <= 120 })
        var configuration = SafekeeperConfiguration()
        try configuration.apply(file: Self.committedFile.path)
        #expect(configuration == SafekeeperConfiguration(), "nothing in it is set")
    }

    @Test func commentedValuesAreTheDefaultsAndEveryKeyIsThere() throws {
        let text = try String(contentsOf: Self.committedFile, encoding: .utf8)
        let settings = text.split(separator: "\n").filter {
            $0.hasPrefix("#") && !$0.hasPrefix("# ") && $0.contains("=")
        }
        .map { String($0.dropFirst()) }
        #expect(
            settings.compactMap { $0.split(separator: " ").first.map(String.init) } == ConfigurationKey.all.map(\.name)
        )
        #expect(ConfigurationKey.all.count > 20)
        for (key, setting) in zip(ConfigurationKey.all, settings) {
            var configuration = SafekeeperConfiguration()
            try configuration.apply(setting, of: "test")
            if key.defaultText == nil {
                #expect(configuration != SafekeeperConfiguration(), "the example of \(key.name) sets it")
            } else {
                #expect(configuration == SafekeeperConfiguration(), "\(setting) is the default")
            }
        }
    }

    @Test func everyKeyCanBeSetByFileAndByFlag() throws {
        let text = """
            id = 7
            datadir = "/srv/safekeeper"
            availability_zone = "az-1"
            listen_pg = "0.0.0.0:1"
            listen_pg_tenant_only = "[::1]:2"
            listen_http = "localhost:0"
            advertise_pg = "sk.example:3"
            max_connections = 5
            wal_service_tls = "required"
            ssl_cert_file = "c"
            ssl_key_file = "k"
            ssl_cert_reload_period = "2m"
            pg_auth_public_key_path = "a"
            pg_tenant_only_auth_public_key_path = "b"
            http_auth_public_key_path = "d"
            no_sync = true
            segment_allocation = "preallocated"
            control_file_save_interval = "300ms"
            disable_wal_backup = true
            wal_queue_messages = 9
            wal_queue_bytes = "2MiB"
            wal_tail_bytes = "8MiB"
            shard_queue_messages = 3
            shard_queue_bytes = "1MiB"
            shard_grace_period = "2s"
            max_delta_for_fanout = "1GiB"
            max_shard_receivers = 12
            send_buffer_bytes = "64KiB"
            log_level = "warn,http=debug"
            log_format = "json"
            shutdown_timeout = "1h 30m"
            """
        var expected = SafekeeperConfiguration()
        expected.id = 7
        expected.datadir = "/srv/safekeeper"
        expected.availabilityZone = "az-1"
        expected.listenPG = ListenAddress(host: "0.0.0.0", port: 1)
        expected.listenPGTenantOnly = ListenAddress(host: "::1", port: 2)
        expected.listenHTTP = ListenAddress(host: "localhost", port: 0)
        expected.advertisePG = ListenAddress(host: "sk.example", port: 3)
        expected.maxConnections = 5
        expected.walServiceTLS = .required
        expected.sslCertFile = "c"
        expected.sslKeyFile = "k"
        expected.sslCertReloadPeriod = .seconds(120)
        expected.pgAuthPublicKeyPath = "a"
        expected.pgTenantOnlyAuthPublicKeyPath = "b"
        expected.httpAuthPublicKeyPath = "d"
        expected.noSync = true
        expected.segmentAllocation = .preallocated
        expected.controlFileSaveInterval = .milliseconds(300)
        expected.disableWALBackup = true
        expected.walQueueMessages = 9
        expected.walQueueBytes = 2 << 20
        expected.walTailBytes = 8 << 20
        expected.shardQueueMessages = 3
        expected.shardQueueBytes = 1 << 20
        expected.shardGracePeriod = .seconds(2)
        expected.maxDeltaForFanout = 1 << 30
        expected.maxShardReceivers = 12
        expected.sendBufferBytes = 64 << 10
        expected.logLevel = try #require(LogLevels("warn,http=debug"))
        expected.logFormat = .json
        expected.shutdownTimeout = .seconds(5400)

        // Out of range is only the last one, so that the range is tested as well.
        let error = #expect(throws: ConfigurationError.self) {
            var configuration = SafekeeperConfiguration()
            try configuration.apply(text, of: "f")
        }
        #expect(
            error?.problem
                == .value(
                    key: "shutdown_timeout",
                    found: "\"1h 30m\"",
                    expected: "a duration such as 300ms or 15m, from 100ms to 10m"
                )
        )

        let valid = text.replacing("1h 30m", with: "1m 30 s")
        expected.shutdownTimeout = .seconds(90)
        var fromFile = SafekeeperConfiguration()
        try fromFile.apply(valid, of: "f")
        #expect(fromFile == expected)

        let pairs = valid.split(separator: "\n").map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
        let flags = pairs.map { pair -> (key: String, text: String?) in
            let value = pair[1].trimmingCharacters(in: .whitespaces)
            return (
                pair[0].trimmingCharacters(in: .whitespaces), value == "true" ? nil : value.replacing("\"", with: "")
            )
        }
        #expect(flags.map(\.key) == ConfigurationKey.all.map(\.name))
        var fromFlags = SafekeeperConfiguration()
        try fromFlags.apply(flags: flags)
        #expect(fromFlags == expected)
    }

    @Test func boundsReachThePartsThatKeepThem() throws {
        var configuration = SafekeeperConfiguration()
        let plain = TimelineSettings(configuration, of: SafekeeperID(1))
        #expect(plain.fanOutLimits == FanOutLimits() && plain.walTailCapacity == WALTail.standardCapacity)
        #expect(plain.keepsWALUntilOffloaded, "without a word about it, WAL stays")
        let text = """
            disable_wal_backup = true
            wal_tail_bytes = "8MiB"
            shard_queue_messages = 3
            shard_queue_bytes = "1MiB"
            shard_grace_period = "2s"
            max_delta_for_fanout = "1GiB"
            max_shard_receivers = 12
            send_buffer_bytes = "64KiB"
            """
        try configuration.apply(text, of: "f")
        let settings = TimelineSettings(configuration, of: SafekeeperID(1))
        #expect(!settings.keepsWALUntilOffloaded)
        #expect(settings.walTailCapacity == 8 << 20)
        let limits = FanOutLimits(
            queuedMessages: 3,
            queuedBytes: 1 << 20,
            grace: .seconds(2),
            reach: 1 << 30,
            senders: 12
        )
        #expect(settings.fanOutLimits == limits)
        let port = PortLimits(configuration)
        #expect(port.writeWaterMark.high == 64 << 10 && port.writeWaterMark.low == 16 << 10)
    }

    @Test func flagsOverrideTheFile() throws {
        var configuration = SafekeeperConfiguration()
        try configuration.apply("wal_queue_messages = 1\nlog_level = \"debug\"", of: "f")
        try configuration.apply(flags: [("wal_queue_messages", "2"), ("http_auth_public_key_path", "")])
        #expect(configuration.walQueueMessages == 2 && configuration.logLevel == LogLevels("debug"))
        #expect(configuration.httpAuthPublicKeyPath == nil, "an empty text is none")
    }

    @Test(arguments: [
        ("listen_pq = 1", "f: unknown key listen_pq; the nearest known one is listen_pg"),
        (
            "contol_file_interval = 1",
            "f: unknown key contol_file_interval; the nearest known one is control_file_save_interval"
        ),
        ("[listen_http]\nx = 1", "f: listen_http = a table, expected host:port, with a port from 0 to 65535"),
        ("id = 0", "f: id = 0, expected a whole number from 1 to 9223372036854775807"),
        ("id = \"7\"", "f: id = \"7\", expected a whole number from 1 to 9223372036854775807"),
        ("id = 1.5", "f: id = a floating-point number, expected a whole number from 1 to 9223372036854775807"),
        ("no_sync = \"yes\"", "f: no_sync = \"yes\", expected true or false"),
        ("no_sync = 1", "f: no_sync = 1, expected true or false"),
        ("max_connections = 65537", "f: max_connections = 65537, expected a whole number from 1 to 65536"),
        (
            "wal_queue_bytes = 1000",
            "f: wal_queue_bytes = 1000, expected a number of bytes or a size such as 16MiB, from 1MiB to 1GiB"
        ),
        (
            "wal_queue_bytes = \"2MB\"",
            "f: wal_queue_bytes = \"2MB\", expected a number of bytes or a size such as 16MiB, from 1MiB to 1GiB"
        ),
        (
            "control_file_save_interval = 300",
            "f: control_file_save_interval = 300, expected a duration such as 300ms or 15m, from 100ms to 1d"
        ),
        ("log_format = \"xml\"", "f: log_format = \"xml\", expected plain or json"),
        ("wal_service_tls = \"on\"", "f: wal_service_tls = \"on\", expected none, offered or required"),
        ("datadir = \"\"", "f: datadir = \"\", expected a text that is not empty"),
        ("listen_pg = \"127.0.0.1\"", "f: listen_pg = \"127.0.0.1\", expected host:port, with a port from 0 to 65535"),
    ])
    func refused(text: String, message: String) {
        var configuration = SafekeeperConfiguration()
        let error = #expect(throws: ConfigurationError.self) { try configuration.apply(text, of: "f") }
        #expect(error?.description == message)
    }

    @Test func errorsNameTheirPlace() throws {
        var configuration = SafekeeperConfiguration()
        let syntax = #expect(throws: ConfigurationError.self) {
            try configuration.apply("id = 1\n\nlisten_pg = ", of: "a.toml")
        }
        #expect(syntax?.description.hasPrefix("a.toml:3:") == true, "\(String(describing: syntax))")
        let twice = #expect(throws: ConfigurationError.self) { try configuration.apply("id = 1\nid = 2", of: "a.toml") }
        #expect(twice?.description.hasPrefix("a.toml:2:") == true, "\(String(describing: twice))")
        let flag = #expect(throws: ConfigurationError.self) { try configuration.apply(flags: [("listen_pg", "x")]) }
        #expect(flag?.description == "--listen-pg = x, expected host:port, with a port from 0 to 65535")
        let missing = #expect(throws: ConfigurationError.self) { try configuration.apply(file: "/nowhere/a.toml") }
        #expect(missing?.description == "can't open /nowhere/a.toml: No such file or directory")
        let folder = try TemporaryFolder()
        try folder.write([UInt8](repeating: 0x20, count: 1 << 20 + 1), to: "big")
        let big = #expect(throws: ConfigurationError.self) { try configuration.apply(file: folder.path(of: "big")) }
        #expect(big?.problem == .size(maximum: 1 << 20))
    }

    @Test func whateverTheTextIsNothingTraps() {
        let valid = Array(ConfigurationKey.fileText.replacing("\n#", with: "\n").utf8)
        for seed in 0..<300 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var bytes = Array(valid.suffix(Int.random(in: 1...valid.count, using: &random)))
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...127, using: &random)
            }
            var configuration = SafekeeperConfiguration()
            try? configuration.apply(String(decoding: bytes, as: UTF8.self), of: "seed \(seed)")
        }
    }
}
