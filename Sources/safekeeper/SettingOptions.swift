import ArgumentParser
import SafekeeperServer
import ServerSupport

/// Flags that are settings: keys with the texts that were given.
protocol SettingOptions {
    /// Those that were given; nil for a switch.
    var settings: [(key: String, text: String?)] { get }
}

/// The texts that were given, in the order of the keys.
private func given(_ texts: KeyValuePairs<String, String?>) -> [(key: String, text: String?)] {
    texts.compactMap { key, text in text.map { (key, $0) } }
}

/// What a setting's key says of it, with its type and default.
private func help(_ name: String, _ valueName: String) -> ArgumentHelp {
    guard let key = ConfigurationKey.named(name) else { preconditionFailure("there is no key \(name)") }
    let defaultText = key.defaultText.map { " (default: \($0))" } ?? ""
    return ArgumentHelp("\(key.help) [\(key.value.expected)]\(defaultText)", valueName: valueName)
}

struct NodeOptions: ParsableArguments, SettingOptions {
    @Option(help: help("id", "number"))
    var id: String?
    @Option(name: [.customShort("D"), .long], help: help("datadir", "path"))
    var datadir: String?
    @Option(help: help("availability_zone", "name"))
    var availabilityZone: String?

    var settings: [(key: String, text: String?)] {
        given(["id": id, "datadir": datadir, "availability_zone": availabilityZone])
    }
}

struct ListeningOptions: ParsableArguments, SettingOptions {
    @Option(name: [.customShort("l"), .long], help: help("listen_pg", "host:port"))
    var listenPg: String?
    @Option(help: help("listen_pg_tenant_only", "host:port"))
    var listenPgTenantOnly: String?
    @Option(help: help("listen_http", "host:port"))
    var listenHttp: String?
    @Option(help: help("advertise_pg", "host:port"))
    var advertisePg: String?
    @Option(help: help("max_connections", "count"))
    var maxConnections: String?

    var settings: [(key: String, text: String?)] {
        given([
            "listen_pg": listenPg, "listen_pg_tenant_only": listenPgTenantOnly, "listen_http": listenHttp,
            "advertise_pg": advertisePg, "max_connections": maxConnections,
        ])
    }
}

struct EncryptionOptions: ParsableArguments, SettingOptions {
    @Option(name: .customLong("wal-service-tls"), help: help("wal_service_tls", "when"))
    var walServiceTLS: String?
    @Flag(
        name: .customLong("enable-tls-wal-service-api"),
        help: "Other safekeepers' name for --wal-service-tls required."
    )
    var requiresTLS = false
    @Option(help: help("ssl_cert_file", "path"))
    var sslCertFile: String?
    @Option(help: help("ssl_key_file", "path"))
    var sslKeyFile: String?
    @Option(help: help("ssl_cert_reload_period", "duration"))
    var sslCertReloadPeriod: String?

    var settings: [(key: String, text: String?)] {
        given([
            "wal_service_tls": requiresTLS ? "required" : walServiceTLS, "ssl_cert_file": sslCertFile,
            "ssl_key_file": sslKeyFile, "ssl_cert_reload_period": sslCertReloadPeriod,
        ])
    }
}

struct AuthenticationOptions: ParsableArguments, SettingOptions {
    @Option(help: help("pg_auth_public_key_path", "path"))
    var pgAuthPublicKeyPath: String?
    @Option(help: help("pg_tenant_only_auth_public_key_path", "path"))
    var pgTenantOnlyAuthPublicKeyPath: String?
    @Option(help: help("http_auth_public_key_path", "path"))
    var httpAuthPublicKeyPath: String?

    var settings: [(key: String, text: String?)] {
        given([
            "pg_auth_public_key_path": pgAuthPublicKeyPath,
            "pg_tenant_only_auth_public_key_path": pgTenantOnlyAuthPublicKeyPath,
            "http_auth_public_key_path": httpAuthPublicKeyPath,
        ])
    }
}

struct StorageOptions: ParsableArguments, SettingOptions {
    @Flag(name: [.customShort("n"), .long], help: help("no_sync", ""))
    var noSync = false
    @Option(help: help("segment_allocation", "how"))
    var segmentAllocation: String?
    @Option(help: help("control_file_save_interval", "duration"))
    var controlFileSaveInterval: String?
    @Flag(name: .customLong("disable-wal-backup"), help: help("disable_wal_backup", ""))
    var disableWALBackup = false

    var settings: [(key: String, text: String?)] {
        (noSync ? [(key: "no_sync", text: nil)] : [])
            + given([
                "segment_allocation": segmentAllocation, "control_file_save_interval": controlFileSaveInterval,
            ])
            + (disableWALBackup ? [(key: "disable_wal_backup", text: nil)] : [])
    }
}

struct ProposerOptions: ParsableArguments, SettingOptions {
    @Option(help: help("wal_queue_messages", "count"))
    var walQueueMessages: String?
    @Option(help: help("wal_queue_bytes", "size"))
    var walQueueBytes: String?

    var settings: [(key: String, text: String?)] {
        given(["wal_queue_messages": walQueueMessages, "wal_queue_bytes": walQueueBytes])
    }
}

struct ReceiverOptions: ParsableArguments, SettingOptions {
    @Option(help: help("wal_tail_bytes", "size"))
    var walTailBytes: String?
    @Option(help: help("shard_queue_messages", "count"))
    var shardQueueMessages: String?
    @Option(help: help("shard_queue_bytes", "size"))
    var shardQueueBytes: String?
    @Option(help: help("shard_grace_period", "duration"))
    var shardGracePeriod: String?
    @Option(help: help("max_delta_for_fanout", "size"))
    var maxDeltaForFanout: String?
    @Option(help: help("max_shard_receivers", "count"))
    var maxShardReceivers: String?
    @Option(help: help("send_buffer_bytes", "size"))
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

struct ProcessOptions: ParsableArguments, SettingOptions {
    @Option(help: help("log_level", "levels"))
    var logLevel: String?
    @Option(help: help("log_format", "format"))
    var logFormat: String?
    @Option(help: help("shutdown_timeout", "duration"))
    var shutdownTimeout: String?

    var settings: [(key: String, text: String?)] {
        given(["log_level": logLevel, "log_format": logFormat, "shutdown_timeout": shutdownTimeout])
    }
}
