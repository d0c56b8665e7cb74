import Foundation
import InterpretedWAL
import PageserverServer
import ReplicationProtocol
import ServerSupport
import ShardIdentity
import Telemetry
import TestFixtures
import Testing
import WalReceiver

@Suite("Pageserver configuration")
struct ConfigurationTests {
    private static let committedFile = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("config/pageserver.toml")
    private static let protobuf = WALReceiverProtocol.interpreted(
        WireFormat(format: .protobuf, compression: .zstd(level: 1))
    )

    private typealias Key = SettingKey<PageserverConfiguration>

    @Test func committedFileIsWhatTheKeysSay() throws {
        let text = try String(contentsOf: Self.committedFile, encoding: .utf8)
        #expect(text == Key.fileText, "renew it: pageserver --print-config > config/pageserver.toml")
        // A value is on one line, however long.
        #expect(text.split(separator: "\n").allSatisfy { $0.utf8.count <= 120 || !$0.hasPrefix("# ") })
        var configuration = PageserverConfiguration()
        try configuration.apply(file: Self.committedFile.path)
        #expect(configuration == PageserverConfiguration(), "nothing in it is set")
    }

    @Test func commentedValuesAreTheDefaultsAndEveryKeyIsThere() throws {
        let text = try String(contentsOf: Self.committedFile, encoding: .utf8)
        // With all comments taken away it is a file in which everything has its default, or its example.
        let settings = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.hasPrefix("#") && !line.hasPrefix("# ") ? line.dropFirst() : line[...]
        }
        var configuration = PageserverConfiguration()
        try configuration.apply(settings.joined(separator: "\n"), of: "f")
        var expected = PageserverConfiguration()
        expected.availabilityZone = "az-1"
        expected.safekeeperAuthTokenPath = "safekeeper.token"
        expected.tenantConfig.walReceiverProtocolOverride = .vanilla
        expected.safekeepers = [
            Safekeeper(number: SafekeeperNumber(1), host: "127.0.0.1", port: 5454, availabilityZone: "az-1")
        ]
        expected.tenants = configuration.tenants
        #expect(configuration == expected)
        #expect(configuration.settings(of: "0123456789abcdef0123456789abcdef").walReceiverProtocolOverride == .vanilla)
        for key in Key.all.map(\.name) + SettingKey<TenantSettings>.all.map(\.name) {
            #expect(text.contains("\n#\(key) = "), "\(key)")
        }
    }

    @Test(
        "upstream's forms of wal_receiver_protocol",
        arguments: [
            (#"{ type = "vanilla" }"#, WALReceiverProtocol.vanilla),
            (
                #"{ type = "interpreted", args = { format = "protobuf", compression = { zstd = { level = 1 } } } }"#,
                protobuf
            ),
            (
                #"{ args = { compression = { zstd = { level = -5 } }, format = "bincode" }, type = "interpreted" }"#,
                .interpreted(WireFormat(format: .bincode, compression: .zstd(level: -5)))
            ),
            (
                #"{ type = "interpreted", args = { format = "protobuf" } }"#,
                .interpreted(WireFormat(format: .protobuf))
            ),
            (#""vanilla""#, .vanilla),
            (#""interpreted""#, .interpreted(WireFormat(format: .bincode))),
        ]
    )
    func protocols(text: String, expected: WALReceiverProtocol) throws {
        var configuration = PageserverConfiguration()
        try configuration.apply("wal_receiver_protocol = \(text)", of: "f")
        #expect(configuration.walReceiverProtocol == expected)
        // What is printed can be read again.
        let key = try #require(Key.named("wal_receiver_protocol"))
        var again = PageserverConfiguration()
        try again.apply("wal_receiver_protocol = \(key.value.text(in: configuration) ?? "")", of: "f")
        #expect(again.walReceiverProtocol == expected)
    }

    @Test func protocolsByFlagAndByTable() throws {
        var configuration = PageserverConfiguration()
        #expect(configuration.walReceiverProtocol == Self.protobuf, "the default")
        try configuration.apply(flags: [("wal_receiver_protocol", #"{"type":"vanilla"}"#)])
        #expect(configuration.walReceiverProtocol == .vanilla)
        let table = """
            [wal_receiver_protocol]
            type = "interpreted"
            [wal_receiver_protocol.args]
            format = "protobuf"
            [wal_receiver_protocol.args.compression.zstd]
            level = 1
            """
        try configuration.apply(table, of: "f")
        #expect(configuration.walReceiverProtocol == Self.protobuf)
    }

    @Test func aTenantsOwnSettingsWinOverTheCommonOnes() throws {
        let text = """
            wal_receiver_protocol = { type = "vanilla" }
            [tenant_config]
            lagging_wal_timeout = "3s"
            max_lsn_wal_lag = 1000
            [tenants.000000000000000000000000000000a0]
            wal_receiver_protocol_override = { type = "interpreted", args = { format = "protobuf" } }
            lagging_wal_timeout = "7s"
            """
        var configuration = PageserverConfiguration()
        try configuration.apply(text, of: "f")
        let own = configuration.receiver(of: .init(bits: 0xA0), token: nil)
        #expect(own.selection == .interpreted(WireFormat(format: .protobuf)))
        #expect(own.manager.laggingTimeout == .seconds(7))
        #expect(own.manager.maximumLag == 1000, "what it does not set is the common value")
        let other = configuration.receiver(of: .init(bits: 0xA1), token: nil)
        #expect(other.selection == .vanilla && other.manager.laggingTimeout == .seconds(3))
    }

    @Test(arguments: [
        (
            "wal_receiver_protocl = 1",
            "f: unknown key wal_receiver_protocl; the nearest known one is wal_receiver_protocol"
        ),
        ("[tenant_config]\nlag = 1", "f: unknown key tenant_config.lag; the nearest known one is "),
        ("[tenants.xy]\n", "f: tenants.xy = a table, expected a tenant's table"),
        ("[[safekeepers]]\nid = 1", "f: safekeepers.address = nothing, expected a value"),
        ("[[safekeepers]]\naddress = \"x:1\"", "f: safekeepers.id = nothing, expected a value"),
        ("[[safekeepers]]\nid = 1\naddress = \"x:y\"", "f: safekeepers.address = \"x:y\", expected host:port"),
        ("safekeepers = 1", "f: safekeepers = 1, expected a list of tables"),
        ("[tenant_config]\nmax_lsn_wal_lag = 0", "f: tenant_config.max_lsn_wal_lag = 0, expected a number of bytes"),
        ("listen_http_addr = 1", "f: listen_http_addr = 1, expected host:port"),
        ("ingest_batch_size = 0", "f: ingest_batch_size = 0, expected a whole number from 1 to 1000000"),
    ])
    func refused(text: String, message: String) {
        var configuration = PageserverConfiguration()
        let error = #expect(throws: ConfigurationError.self) { try configuration.apply(text, of: "f") }
        #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        "1", "{}", #"{ type = "raw" }"#, #"{ type = "interpreted" }"#,
        #"{ type = "interpreted", args = { format = "json" } }"#,
        #"{ type = "interpreted", args = { format = "protobuf", compression = { lz4 = { level = 1 } } } }"#,
        #"{ type = "interpreted", args = { format = "protobuf", compression = { zstd = { level = 128 } } } }"#,
        #"{ type = "interpreted", args = { format = "protobuf", compression = "zstd" } }"#, #""raw""#, "[1]",
    ])
    func unknownProtocols(text: String) {
        var configuration = PageserverConfiguration()
        let error = #expect(throws: ConfigurationError.self) {
            try configuration.apply("wal_receiver_protocol = \(text)", of: "f")
        }
        #expect(error?.description.contains("wal_receiver_protocol") == true)
        #expect(configuration == PageserverConfiguration())
    }

    @Test func whateverTheTextIsNothingTraps() {
        let valid = Array(Key.fileText.replacing("\n#", with: "\n").utf8)
        for seed in 0..<300 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var bytes = Array(valid.suffix(Int.random(in: 1...valid.count, using: &random)))
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...127, using: &random)
            }
            var configuration = PageserverConfiguration()
            try? configuration.apply(String(decoding: bytes, as: UTF8.self), of: "seed \(seed)")
        }
    }
}
