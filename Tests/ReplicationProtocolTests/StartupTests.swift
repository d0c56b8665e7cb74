import InterpretedWAL
import PostgresWAL
import ReplicationProtocol
import ShardIdentity
import TestFixtures
import Testing

/// Packets before the session, its options, and the choice of a protocol in them.
@Suite struct StartupTests {
    // MARK: - Packets

    private static let wrongPackets: [(String, StartupError)] = [
        ("00000007", .invalidLength(7)),
        ("00002711", .invalidLength(10_001)),
        ("ffffffff", .invalidLength(.max)),
        ("00000009 04d2162f 00", .invalidField(FieldFault(field: "code", .trailingBytes(1)))),
        (
            "00000008 04d2162e",
            .invalidField(FieldFault(field: "process id", .truncated(needed: 4, available: 0)))
        ),
        (
            "0000000c 04d2162e 00000001",
            .invalidField(FieldFault(field: "secret key", .truncated(needed: 4, available: 0)))
        ),
        ("00000008 04d21234", .invalidField(FieldFault(field: "code", .invalidValue("unknown request 4660")))),
        ("00000008 00030000", .invalidField(FieldFault(field: "name", .unterminated))),
        ("0000000a 00030000 6100", .invalidField(FieldFault(field: "value", .unterminated))),
        ("0000000c 00030000 61006200", .invalidField(FieldFault(field: "name", .unterminated))),
        ("0000000b 00030000 ff0000", .invalidField(FieldFault(field: "name", .invalidUTF8))),
        ("0000000a 00030000 0000", .invalidField(FieldFault(field: "parameters", .trailingBytes(1)))),
    ]

    @Test(arguments: wrongPackets) func refusedPackets(packet: String, error: StartupError) {
        #expect(throws: error) { try StartupRequest.next(in: hex(packet).span.bytes) }
        #expect(!error.description.isEmpty)
    }

    /// However few bytes are there, more are asked for; and the length is judged before the rest comes.
    @Test func partsOfAPacket() throws {
        let packet = ConsensusVectors.startup
        for count in 0..<packet.count {
            #expect(try StartupRequest.next(in: packet.span.bytes.extracting(first: count)) == nil)
        }
        let more = packet + [1, 2, 3]
        #expect(try StartupRequest.next(in: more.span.bytes)?.size == packet.count)
    }

    @Test func parameters() throws {
        let message = try StartupMessage(parameters: [.init(name: "a", value: "1"), .init(name: "a", value: "2")])
        #expect(message["a"] == "1" && message["b"] == nil)
        #expect(throws: StartupError.self) { try StartupMessage(parameters: [.init(name: "", value: "1")]) }
        #expect(throws: StartupError.self) { try StartupMessage(parameters: [.init(name: "a", value: "1\0")]) }
        let future = hex("00000009 00040000 00")
        #expect(
            try StartupRequest.next(in: future.span.bytes)?.request
                == .startup(StartupMessage(version: 0x0004_0000, parameters: []))
        )
    }

    // MARK: - Options

    private static let interpreted = "protocol={\"type\":\"interpreted\",\"args\":{\"format\":\"protobuf\"}}"
    private static let plainProtobuf = WireFormat(format: .protobuf)

    @Test func optionTexts() throws {
        let id = "00112233445566778899AABBCCDDEEFF"
        #expect(try SafekeeperStartupOptions(text: "") == SafekeeperStartupOptions())
        #expect(try SafekeeperStartupOptions(text: "-c ztenantid=\(id) other=1").tenant == TenantID(id))
        #expect(try SafekeeperStartupOptions(text: "\t ztimelineid=\(id)\n").timeline == TimelineID(id))
        // The last one counts, and a value may have a `=`.
        #expect(
            try SafekeeperStartupOptions(text: "availability_zone=a availability_zone=b=c").availabilityZone == "b=c"
        )
        // White space behind a backslash belongs to the token, which keeps the backslash.
        #expect(try SafekeeperStartupOptions(text: "availability_zone=a\\ b c").availabilityZone == "a\\ b")
        #expect(try SafekeeperStartupOptions(text: "availability_zone=a\\\\ b").availabilityZone == "a\\\\")
        #expect(try SafekeeperStartupOptions(text: "availability_zone=a\\").availabilityZone == "a\\")
        let unsharded = try SafekeeperStartupOptions(
            text: "\(Self.interpreted) shard_count=0 shard_number=0 shard_stripe_size=2048"
        )
        #expect(unsharded.receiver == .interpreted(Self.plainProtobuf, .unsharded))
        let zone = SafekeeperStartupOptions(availabilityZone: "a b\\")
        #expect(zone.text() == "-c protocol={\"type\":\"vanilla\"} availability_zone=a\\ b\\\\")
        let without = try StartupMessage(parameters: [])
        #expect(try SafekeeperStartupOptions(without) == SafekeeperStartupOptions())
    }

    private static let wrongOptions: [(String, StartupOptionsError)] = [
        ("tenant_id=12", .invalidValue(key: .tenant, value: "12")),
        ("timeline_id=", .invalidValue(key: .timeline, value: "")),
        ("shard_count=256", .invalidValue(key: .shardCount, value: "256")),
        ("shard_number=-1", .invalidValue(key: .shardNumber, value: "-1")),
        ("shard_stripe_size=4294967296", .invalidValue(key: .stripeSize, value: "4294967296")),
        ("shard_count=1", .shardForVanilla),
        ("protocol={\"type\":\"vanilla\"} shard_number=1", .shardForVanilla),
        ("\(interpreted) shard_count=2 shard_number=1", .missingShard),
        ("\(interpreted)", .missingShard),
        (
            "\(interpreted) shard_count=2 shard_number=2 shard_stripe_size=1",
            .invalidShard(.invalidShardNumber(number: 2, count: 2))
        ),
        ("\(interpreted) shard_count=2 shard_number=1 shard_stripe_size=0", .invalidShard(.invalidStripeSize)),
        (
            "protocol=1",
            .invalidProtocol(value: "1", .invalidValue(key: "protocol", "integer(1)"))
        ),
    ]

    @Test(arguments: wrongOptions) func refusedOptions(text: String, error: StartupOptionsError) {
        #expect(throws: error) { try SafekeeperStartupOptions(text: text) }
        #expect(!error.description.isEmpty)
    }

    @Test func refusalTexts() {
        let tenant = StartupOptionsError.invalidValue(key: .tenant, value: "12")
        #expect(tenant.description == "Failed to parse 12 as tenant id")
        #expect(StartupOptionsError.shardForVanilla.description == "Shard params specified for vanilla protocol")
        #expect(StartupOptionsError.missingShard.description == "Shard params were not specified")
    }

    // MARK: - The choice of a protocol

    private static let protocols: [WALReceiverProtocol] = [
        .vanilla, .interpreted(WireFormat(format: .bincode)),
        .interpreted(WireFormat(format: .protobuf, compression: .zstd(level: -128))),
        .interpreted(WireFormat(format: .protobuf, compression: .zstd(level: 127))),
    ]

    @Test(arguments: protocols) func protocolRoundTrip(selection: WALReceiverProtocol) throws {
        #expect(try WALReceiverProtocol(json: selection.json) == selection)
    }

    @Test func protocolsOfOtherWriters() throws {
        let expected = WALReceiverProtocol.interpreted(Self.plainProtobuf)
        for text in [
            #"{"type":"interpreted","args":{"format":"protobuf","compression":null}}"#,
            #" { "args" : { "format" : "proto\u0062uf" , "new" : -5 } , "x" : { } , "type" : "interpreted" } "#,
        ] {
            #expect(try WALReceiverProtocol(json: text) == expected)
        }
    }

    @Test(arguments: [
        "", "{", "{}", "null", "\"vanilla\"", "{\"type\":\"other\"}", "{\"type\":1}", "{\"type\":\"interpreted\"}",
        #"{"type":"interpreted","args":{}}"#, #"{"type":"interpreted","args":{"format":"json"}}"#,
        #"{"type":"interpreted","args":{"format":"protobuf","compression":"zstd"}}"#,
        #"{"type":"interpreted","args":{"format":"protobuf","compression":{"lz4":{}}}}"#,
        #"{"type":"interpreted","args":{"format":"protobuf","compression":{"zstd":{"level":128}}}}"#,
        #"{"type":"interpreted","args":{"format":"protobuf","compression":{"zstd":{"level":"1"}}}}"#,
        #"{"type":"vanilla"}x"#, #"{"type":"vanilla","type":"vanilla"}"#,
    ]) func refusedProtocols(text: String) {
        #expect(throws: ProtocolSelectionError.self) { try WALReceiverProtocol(json: text) }
    }

    // MARK: - JSON

    @Test func jsonValues() throws {
        #expect(try JSONValue(parsing: " null ") == .null)
        #expect(try JSONValue(parsing: "-9223372036854775808") == .integer(Int128(Int64.min)))
        #expect(try JSONValue(parsing: "18446744073709551615") == .integer(Int128(UInt64.max)))
        #expect(try JSONValue(parsing: "0") == .integer(0))
        #expect(
            try JSONValue(parsing: #""\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00ü""#) == .string("\"\\/\u{8}\u{C}\n\r\tä😀ü")
        )
        let nested = try JSONValue(parsing: #"{"a":{"b":"c"},"d":{}}"#)
        #expect(nested["a"]?["b"] == .string("c") && nested["d"] == .object([]) && nested["e"] == nil)
        #expect(nested["a"]?["b"]?["c"] == nil)
        #expect(
            try JSONValue(parsing: "[ true , false,[],-1.5e1]")
                == .array([
                    .boolean(true), .boolean(false), .array([]), .fraction(-15),
                ])
        )
        #expect(try JSONValue(parsing: "1" + String(repeating: "0", count: 40)) == .fraction(1e40))
        #expect(try JSONValue(parsingPrefixOf: " {} trailing") == .object([]))
    }

    @Test(arguments: [
        "null", "true", "false", "-1", "18446744073709551615", "[]", "{}", #"[1,"a",{"b":[null]}]"#,
        #""/\u00e9\"\\\n\u001f""#,
    ]) func jsonText(text: String) throws {
        let value = try JSONValue(parsing: text)
        #expect(try JSONValue(parsing: value.text) == value)
        #expect(value.text == text.replacing(#"\u00e9"#, with: "é"))
    }

    @Test(arguments: [
        ("", 0), ("nul", 3), ("01", 0), ("-", 0), ("+1", 0), ("1.", 2), ("1.e5", 2), ("1e", 2),
        ("1e999", 0), ("tru", 3), ("fals3", 4), ("[1", 2), ("[1,]", 3), ("[1 2]", 3),
        ("\"a", 2), ("\"\\x\"", 2), ("\"\\", 2), ("\"\\u12\"", 3), ("\"\\ud800\"", 7),
        ("\"\\udc00\\u0041\"", 13),
        ("\"\n\"", 1), ("{\"a\"}", 4), ("{\"a\":1,}", 7), ("{\"a\":1", 6), ("{a:1}", 1), ("{\"a\":1,\"a\":2}", 7),
        ("1 2", 2),
    ]) func jsonErrors(text: String, position: Int) {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        #expect(error?.position == position, "\(text): \(error?.description ?? "")")
    }

    @Test func jsonDepth() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "{\"a\":", count: depth) + "1" + String(repeating: "}", count: depth)
        }
        _ = try JSONValue(parsing: nested(JSONValue.maximumDepth))
        #expect(throws: JSONError.self) { try JSONValue(parsing: nested(JSONValue.maximumDepth + 1)) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: nested(100_000)) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: "[", count: 100_000)) }
    }

    @Test func timelineIDs() throws {
        let text = "ffeeddccbbaa99887766554433221100"
        let id = try #require(TimelineID(text))
        #expect(id == Sample.timeline && id.description == text && id.bytes == hex(text))
        #expect(try TimelineID(bytes: id.bytes) == id)
        #expect(TimelineID("ff") == nil && TimelineID(text + "0") == nil && TimelineID(bits: 1) < id)
        #expect(throws: ShardIdentityError.self) { try TimelineID(bytes: [1]) }
    }
}
