package import ServerSupport

/// A setting of a safekeeper.
package typealias ConfigurationKey = SettingKey<SafekeeperConfiguration>

extension SafekeeperConfiguration: ProcessSettings {
    package static let heading = "Settings of a safekeeper: `safekeeper --config <this file>`."

    package static let sections: [SettingSection<SafekeeperConfiguration>] = [
        ("Node", node), ("Listening", listening), ("Encryption", encryption), ("Authentication", authentication),
        ("Storage", storage), ("WAL from proposers", proposers), ("WAL to receivers", receivers),
        ConfigurationKey.process,
    ]

    private static let node: [ConfigurationKey] = [
        ConfigurationKey(
            "id",
            .optionalNumber(\.id, 1...UInt64(Int64.max)),
            example: "1",
            help: """
                The safekeeper's number, which no other one may have. Needed at the first start only: it is then kept in \
                safekeeper.id in the data directory, and a different one is refused.
                """
        ),
        ConfigurationKey(
            "datadir",
            .text(\.datadir),
            help: """
                The data directory, which must exist. It belongs to one process at a time. Relative paths of other settings \
                start there.
                """
        ),
        ConfigurationKey(
            "availability_zone",
            .optionalText(\.availabilityZone),
            example: "\"az-1\"",
            help: "Where the safekeeper stands, for metrics of traffic between zones."
        ),
    ]

    private static let listening: [ConfigurationKey] = [
        ConfigurationKey(
            "listen_pg",
            .address(\.listenPG),
            help: "Where proposers and pageservers connect. The port 0 lets the system choose one; the log says which."
        ),
        ConfigurationKey(
            "listen_pg_tenant_only",
            .optionalAddress(\.listenPGTenantOnly),
            example: "\"127.0.0.1:5455\"",
            help: "A second such port, where only tokens of tenants are taken: for proposers."
        ),
        ConfigurationKey(
            "listen_http",
            .address(\.listenHTTP),
            help: "Where the management API and the metrics are."
        ),
        ConfigurationKey(
            "advertise_pg",
            .optionalAddress(\.advertisePG),
            example: "\"safekeeper-1.example:5454\"",
            help: "The address of listen_pg that others are told, if they can't use that one."
        ),
        ConfigurationKey(
            "max_connections",
            .count(\.maxConnections, 1...65_536),
            help: "How many clients each port for WAL has at a time; another one is told so and sent away."
        ),
    ]

    private static let encryption: [ConfigurationKey] = [
        ConfigurationKey(
            "wal_service_tls",
            .choice(
                encryptionNames.map(\.name),
                get: { configuration in
                    encryptionNames.first { $0.value == configuration.walServiceTLS }?.name ?? ""
                },
                set: { configuration, text in
                    guard let choice = encryptionNames.first(where: { $0.name == text }) else { return false }
                    configuration.walServiceTLS = choice.value
                    return true
                }
            ),
            help: """
                Whether the ports for WAL speak TLS: not at all, with clients that ask for it, or with all. Pageservers of \
                Neon never ask.
                """
        ),
        ConfigurationKey(
            "ssl_cert_file",
            .text(\.sslCertFile),
            help: "The certificate, with those that signed it, as PEM. Read only if TLS is spoken."
        ),
        ConfigurationKey("ssl_key_file", .text(\.sslKeyFile), help: "The certificate's key, as PEM."),
        ConfigurationKey(
            "ssl_cert_reload_period",
            .duration(\.sslCertReloadPeriod, .seconds(1)...(.seconds(30 * 86_400))),
            help: "How often certificate and key are read again; if that fails the old ones stay."
        ),
    ]

    private static let encryptionNames: [(name: String, value: PortPolicy.Encryption)] = [
        ("none", .none), ("offered", .offered), ("required", .required),
    ]

    private static let authentication: [ConfigurationKey] = [
        ConfigurationKey(
            "pg_auth_public_key_path",
            .optionalText(\.pgAuthPublicKeyPath),
            example: "\"auth_public_key.pem\"",
            help: """
                The Ed25519 public key for tokens on listen_pg, as PEM, or a folder of such files. Without it everyone is \
                let in. Read once, at start.
                """
        ),
        ConfigurationKey(
            "pg_tenant_only_auth_public_key_path",
            .optionalText(\.pgTenantOnlyAuthPublicKeyPath),
            example: "\"auth_public_key.pem\"",
            help: "The same for listen_pg_tenant_only."
        ),
        ConfigurationKey(
            "http_auth_public_key_path",
            .optionalText(\.httpAuthPublicKeyPath),
            example: "\"auth_public_key.pem\"",
            help: "The same for listen_http. Status and metrics are open to everyone all the same."
        ),
    ]

    private static let storage: [ConfigurationKey] = [
        ConfigurationKey(
            "no_sync",
            .boolean(\.noSync),
            help:
                "Leaves out all synchronization, so that a crash of the machine loses WAL that was acknowledged: for tests."
        ),
        ConfigurationKey(
            "segment_allocation",
            .choice(
                ["sparse", "preallocated"],
                get: { $0.segmentAllocation == .sparse ? "sparse" : "preallocated" },
                set: { configuration, text in
                    switch text {
                    case "sparse": configuration.segmentAllocation = .sparse
                    case "preallocated": configuration.segmentAllocation = .preallocated
                    default: return false
                    }
                    return true
                }
            ),
            help: """
                How new segments take space: as they are written, and at most 4 MiB ahead of bulk WAL, or all at once, so that \
                a full disk shows only when a segment is made.
                """
        ),
        ConfigurationKey(
            "control_file_save_interval",
            .duration(\.controlFileSaveInterval, .milliseconds(100)...(.seconds(86_400))),
            help: """
                How old positions on disk may get that are behind those in memory. They are saved earlier when they are a \
                whole segment behind.
                """
        ),
        ConfigurationKey(
            "disable_wal_backup",
            .boolean(\.disableWALBackup),
            help: """
                Whether there is no object store for WAL, and never will be. WAL on this disk then goes once all shards have \
                it durably and no receiver needs it; otherwise it stays until it is in the store, too.
                """
        ),
    ]

    private static let proposers: [ConfigurationKey] = [
        ConfigurationKey(
            "wal_queue_messages",
            .count(\.walQueueMessages, 1...65_536),
            help: "How many messages of one proposer wait for the disk; then no more are read from its connection."
        ),
        ConfigurationKey(
            "wal_queue_bytes",
            .size(\.walQueueBytes, 1 << 20...1 << 30),
            help: "How many bytes they may have together, likewise."
        ),
    ]

    private static let receivers: [ConfigurationKey] = [
        ConfigurationKey(
            "wal_tail_bytes",
            .size(\.walTailBytes, 128 << 10...1 << 30),
            help: """
                How much of the last WAL of each timeline is kept in memory while it is written to and has receivers, \
                rounded up to a power of two. Receivers that are further behind read files.
                """
        ),
        ConfigurationKey(
            "shard_queue_messages",
            .count(\.shardQueueMessages, 1...65_536),
            help: "How many messages wait for one shard's connection; then whatever reads WAL for it waits as well."
        ),
        ConfigurationKey(
            "shard_queue_bytes",
            .size(\.shardQueueBytes, 4 << 10...1 << 30),
            help: "How many bytes they have together, not counting the message that goes beyond, likewise."
        ),
        ConfigurationKey(
            "shard_grace_period",
            .duration(\.shardGracePeriod, .milliseconds(10)...(.seconds(60))),
            help: """
                How long a shard with a full queue may hold up the shards that are served with it. Then they go on without \
                it, and its WAL is read and decoded for it alone until it has caught up.
                """
        ),
        ConfigurationKey(
            "max_delta_for_fanout",
            .size(\.maxDeltaForFanout, 0...1 << 40),
            help: """
                How many bytes of WAL apart shards may be that wait for each other to be served together. Shards further \
                apart are served apart until the one behind has caught up.
                """
        ),
        ConfigurationKey(
            "max_shard_receivers",
            .count(\.maxShardReceivers, 1...65_536),
            help: "How many receivers of interpreted WAL a timeline has at a time; another one is refused."
        ),
        ConfigurationKey(
            "send_buffer_bytes",
            .size(\.sendBufferBytes, 16 << 10...64 << 20),
            help: """
                How many bytes that a client's socket does not take are held for it; the message that goes beyond is \
                still taken. Then whatever sends to it waits.
                """
        ),
    ]
}
