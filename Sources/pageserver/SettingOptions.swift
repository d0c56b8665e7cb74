import ArgumentParser
import PageserverServer
import ServerSupport

/// What a setting's key says of it, with its type and default.
private func help(_ name: String, _ valueName: String) -> ArgumentHelp {
    guard let key = SettingKey<PageserverConfiguration>.named(name) else {
        preconditionFailure("there is no key \(name)")
    }
    let defaultText = key.defaultText.map { " (default: \($0))" } ?? ""
    return ArgumentHelp("\(key.help) [\(key.value.expected)]\(defaultText)", valueName: valueName)
}

/// Flags that are settings.
struct SettingOptions: ParsableArguments {
    @Option(help: help("id", "number"))
    var id: String?
    @Option(name: [.customShort("D"), .long], help: help("workdir", "path"))
    var workdir: String?
    @Option(help: help("availability_zone", "name"))
    var availabilityZone: String?
    @Option(help: help("listen_http_addr", "host:port"))
    var listenHttpAddr: String?
    @Option(help: help("wal_receiver_protocol", "json"))
    var walReceiverProtocol: String?
    @Flag(help: help("validate_wal_contiguity", ""))
    var validateWalContiguity = false
    @Option(help: help("safekeeper_connection_options", "options"))
    var safekeeperConnectionOptions: String?
    @Option(help: help("safekeeper_auth_token_path", "path"))
    var safekeeperAuthTokenPath: String?
    @Option(help: help("ingest_batch_size", "count"))
    var ingestBatchSize: String?
    @Option(help: help("store_reserved_space", "size"))
    var storeReservedSpace: String?
    @Flag(help: help("report_disk_as_remote", ""))
    var reportDiskAsRemote = false
    @Option(help: help("log_level", "levels"))
    var logLevel: String?
    @Option(help: help("log_format", "format"))
    var logFormat: String?
    @Option(help: help("shutdown_timeout", "duration"))
    var shutdownTimeout: String?

    /// Those that were given; nil for a switch.
    var settings: [(key: String, text: String?)] {
        let switches = [
            ("validate_wal_contiguity", validateWalContiguity), ("report_disk_as_remote", reportDiskAsRemote),
        ]
        let texts: KeyValuePairs<String, String?> = [
            "id": id, "workdir": workdir, "availability_zone": availabilityZone,
            "listen_http_addr": listenHttpAddr, "wal_receiver_protocol": walReceiverProtocol,
            "safekeeper_connection_options": safekeeperConnectionOptions,
            "safekeeper_auth_token_path": safekeeperAuthTokenPath, "ingest_batch_size": ingestBatchSize,
            "store_reserved_space": storeReservedSpace, "log_level": logLevel, "log_format": logFormat,
            "shutdown_timeout": shutdownTimeout,
        ]
        return switches.filter(\.1).map { (key: $0.0, text: nil) }
            + texts.compactMap { key, text in text.map { (key: key, text: $0) } }
    }
}
