internal import Ingest
internal import InterpretedWAL
package import ReplicationProtocol
package import ServerSupport
internal import WalReceiver

/// What can be set for each tenant, with upstream's names and defaults.
///
/// Source: `ingest.md` §6, `replication-protocol.md` §3.2.
package struct TenantSettings: Hashable, Sendable {
    package var walreceiverConnectTimeout = ManagerSettings().connectTimeout
    package var laggingWALTimeout = ManagerSettings().laggingTimeout
    package var maxLSNWALLag = Int(ManagerSettings().maximumLag)
    package var checkpointDistance = Int(FlushPolicy().distance)
    package var checkpointTimeout = FlushPolicy().timeout
    package var walReceiverProtocolOverride: WALReceiverProtocol?

    package init() {}
}

extension TenantSettings: Configurable {
    package static let heading = "Settings of a tenant."

    package static let sections: [SettingSection<TenantSettings>] = [("Tenant", keys)]

    private static let keys: [SettingKey<TenantSettings>] = [
        SettingKey(
            "walreceiver_connect_timeout",
            .duration(\.walreceiverConnectTimeout, .milliseconds(100)...(.seconds(3600))),
            help: "How long connecting to a safekeeper may take, and how long one may be silent before it is left."
        ),
        SettingKey(
            "lagging_wal_timeout",
            .duration(\.laggingWALTimeout, .milliseconds(100)...(.seconds(3600))),
            help: """
                How long WAL is waited for that another safekeeper has, before that one is connected to; how old news of a \
                safekeeper may be. All safekeepers are asked for their positions twice in this time.
                """
        ),
        SettingKey(
            "max_lsn_wal_lag",
            .size(\.maxLSNWALLag, 1...Int.max),
            help: "Bytes of committed WAL that another safekeeper has to be ahead to be connected to at once."
        ),
        SettingKey(
            "checkpoint_distance",
            .size(\.checkpointDistance, 1 << 20...1 << 40),
            help: "Bytes of WAL, times the number of shards, that a shard may be ahead of what is durable."
        ),
        SettingKey(
            "checkpoint_timeout",
            .duration(\.checkpointTimeout, .milliseconds(100)...(.seconds(86_400))),
            help: "How long WAL may wait to become durable, however little it is."
        ),
        SettingKey(
            "wal_receiver_protocol_override",
            .walReceiverProtocol(
                get: { $0.walReceiverProtocolOverride },
                set: { $0.walReceiverProtocolOverride = $1 }
            ),
            example: #"{ type = "vanilla" }"#,
            help: "How WAL comes for this tenant, in place of what wal_receiver_protocol says."
        ),
    ]
}

extension SettingValue {
    /// How WAL is received, in upstream's forms.
    ///
    /// A table, as in every version since 2024-11-27, or JSON of the same shape, for the command line; the two words of the
    /// days before are taken, too.
    static func walReceiverProtocol(
        get: @escaping @Sendable (Settings) -> WALReceiverProtocol?,
        set: @escaping @Sendable (inout Settings, WALReceiverProtocol) -> Void
    ) -> SettingValue {
        .structured(
            expected: """
                { type = "vanilla" } or { type = "interpreted", args = { format = "protobuf", compression = \
                { zstd = { level = 1 } } } }; the format may be "bincode", the compression missing, the level -128 to 127
                """,
            text: { get($0)?.tomlText },
            set: { (settings, input) throws(SettingFault) in
                guard let selection = WALReceiverProtocol(input) else { throw .value }
                set(&settings, selection)
            }
        )
    }
}

extension WALReceiverProtocol {
    /// Takes a setting's value; nil if it is none.
    fileprivate init?(_ input: SettingInput) {
        switch input {
        case .text("vanilla", _): self = .vanilla
        case .text("interpreted", _): self = .interpreted(WireFormat(format: .bincode))
        case .text(let json, isFlag: true):
            guard let selection = try? WALReceiverProtocol(json: json) else { return nil }
            self = selection
        case .table:
            guard let json = input.json, let selection = try? WALReceiverProtocol(json: json.text) else { return nil }
            self = selection
        default: return nil
        }
    }

    /// The table, as it is written in a file.
    var tomlText: String {
        switch self {
        case .vanilla: return #"{ type = "vanilla" }"#
        case .interpreted(let format):
            var arguments = "format = \"\(format.format.rawValue)\""
            if case .zstd(let level)? = format.compression {
                arguments += ", compression = { zstd = { level = \(level) } }"
            }
            return "{ type = \"interpreted\", args = { \(arguments) } }"
        }
    }
}

extension SettingInput {
    /// The same value as JSON; nil for a kind that JSON has not.
    fileprivate var json: JSONValue? {
        switch self {
        case .text(let text, _): return .string(text)
        case .number(let number): return .integer(Int128(number))
        case .boolean(let value): return .boolean(value)
        case .table(let members):
            var object: [JSONValue.Member] = []
            for (key, value) in members.sorted(by: { $0.key < $1.key }) {
                guard let value = value.json else { return nil }
                object.append(.init(name: key, value: value))
            }
            return .object(object)
        case .list, .other: return nil
        }
    }
}
