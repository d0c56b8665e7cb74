import ArgumentParser
import SafekeeperServer
import ServerSupport

// Flags that are settings, by section.

struct NodeOptions: SettingOptions {
    @Option(help: ConfigurationKey.help("id", "number"))
    var id: String?
    @Option(name: [.customShort("D"), .long], help: ConfigurationKey.help("datadir", "path"))
    var datadir: String?
    @Option(help: ConfigurationKey.help("availability_zone", "name"))
    var availabilityZone: String?

    var settings: [(key: String, text: String?)] {
        given(["id": id, "datadir": datadir, "availability_zone": availabilityZone])
    }
}

struct ListeningOptions: SettingOptions {
    @Option(name: [.customShort("l"), .long], help: ConfigurationKey.help("listen_pg", "host:port"))
    var listenPg: String?
    @Option(help: ConfigurationKey.help("listen_pg_tenant_only", "host:port"))
    var listenPgTenantOnly: String?
    @Option(help: ConfigurationKey.help("listen_http", "host:port"))
    var listenHttp: String?
    @Option(help: ConfigurationKey.help("advertise_pg", "host:port"))
    var advertisePg: String?
    @Option(help: ConfigurationKey.help("max_connections", "count"))
    var maxConnections: String?

    var settings: [(key: String, text: String?)] {
        given([
            "listen_pg": listenPg, "listen_pg_tenant_only": listenPgTenantOnly, "listen_http": listenHttp,
            "advertise_pg": advertisePg, "max_connections": maxConnections,
        ])
    }
}

struct EncryptionOptions: SettingOptions {
    @Option(name: .customLong("wal-service-tls"), help: ConfigurationKey.help("wal_service_tls", "when"))
    var walServiceTLS: String?
    @Flag(
        name: .customLong("enable-tls-wal-service-api"),
        help: "Other safekeepers' name for --wal-service-tls required."
    )
    var requiresTLS = false
    @Option(help: ConfigurationKey.help("ssl_cert_file", "path"))
    var sslCertFile: String?
    @Option(help: ConfigurationKey.help("ssl_key_file", "path"))
    var sslKeyFile: String?
    @Option(help: ConfigurationKey.help("ssl_cert_reload_period", "duration"))
    var sslCertReloadPeriod: String?

    var settings: [(key: String, text: String?)] {
        given([
            "wal_service_tls": requiresTLS ? "required" : walServiceTLS, "ssl_cert_file": sslCertFile,
            "ssl_key_file": sslKeyFile, "ssl_cert_reload_period": sslCertReloadPeriod,
        ])
    }
}

struct AuthenticationOptions: SettingOptions {
    @Option(help: ConfigurationKey.help("pg_auth_public_key_path", "path"))
    var pgAuthPublicKeyPath: String?
    @Option(help: ConfigurationKey.help("pg_tenant_only_auth_public_key_path", "path"))
    var pgTenantOnlyAuthPublicKeyPath: String?
    @Option(help: ConfigurationKey.help("http_auth_public_key_path", "path"))
    var httpAuthPublicKeyPath: String?

    var settings: [(key: String, text: String?)] {
        given([
            "pg_auth_public_key_path": pgAuthPublicKeyPath,
            "pg_tenant_only_auth_public_key_path": pgTenantOnlyAuthPublicKeyPath,
            "http_auth_public_key_path": httpAuthPublicKeyPath,
        ])
    }
}

struct StorageOptions: SettingOptions {
    @Flag(name: [.customShort("n"), .long], help: ConfigurationKey.help("no_sync"))
    var noSync = false
    @Option(help: ConfigurationKey.help("segment_allocation", "how"))
    var segmentAllocation: String?
    @Option(help: ConfigurationKey.help("control_file_save_interval", "duration"))
    var controlFileSaveInterval: String?
    @Flag(name: .customLong("disable-wal-backup"), help: ConfigurationKey.help("disable_wal_backup"))
    var disableWALBackup = false

    var settings: [(key: String, text: String?)] {
        (noSync ? [(key: "no_sync", text: nil)] : [])
            + given([
                "segment_allocation": segmentAllocation, "control_file_save_interval": controlFileSaveInterval,
            ])
            + (disableWALBackup ? [(key: "disable_wal_backup", text: nil)] : [])
    }
}

struct ProposerOptions: SettingOptions {
    @Option(help: ConfigurationKey.help("wal_queue_messages", "count"))
    var walQueueMessages: String?
    @Option(help: ConfigurationKey.help("wal_queue_bytes", "size"))
    var walQueueBytes: String?

    var settings: [(key: String, text: String?)] {
        given(["wal_queue_messages": walQueueMessages, "wal_queue_bytes": walQueueBytes])
    }
}

struct ReceiverOptions: SettingOptions {
    @Option(help: ConfigurationKey.help("wal_tail_bytes", "size"))
    var walTailBytes: String?
    @Option(help: ConfigurationKey.help("shard_queue_messages", "count"))
    var shardQueueMessages: String?
    @Option(help: ConfigurationKey.help("shard_queue_bytes", "size"))
    var shardQueueBytes: String?
    @Option(help: ConfigurationKey.help("shard_grace_period", "duration"))
    var shardGracePeriod: String?
    @Option(help: ConfigurationKey.help("max_delta_for_fanout", "size"))
    var maxDeltaForFanout: String?
    @Option(help: ConfigurationKey.help("max_shard_receivers", "count"))
    var maxShardReceivers: String?
    @Option(help: ConfigurationKey.help("send_buffer_bytes", "size"))
    var sendBufferBytes: String?

    var settings: [(key: String, text: String?)] {
        given([
            "wal_tail_bytes": walTailBytes, "shard_queue_messages": shardQueueMessages,
            "shard_queue_bytes": shardQueueBytes, "shard_grace_period": shardGracePeriod,
            "max_delta_for_fanout": maxDeltaForFanout, "max_shard_receivers": maxShardReceivers,
            "send_buffer_bytes": sendBufferBytes,
        ])
    }
}
