import ArgumentParser
import PageserverServer
import ServerSupport

/// Flags that are settings, but for those of every process.
struct PageserverOptions: SettingOptions {
    private typealias Key = SettingKey<PageserverConfiguration>

    @Option(help: Key.help("id", "number"))
    var id: String?
    @Option(name: [.customShort("D"), .long], help: Key.help("workdir", "path"))
    var workdir: String?
    @Option(help: Key.help("availability_zone", "name"))
    var availabilityZone: String?
    @Option(help: Key.help("listen_http_addr", "host:port"))
    var listenHttpAddr: String?
    @Option(help: Key.help("wal_receiver_protocol", "json"))
    var walReceiverProtocol: String?
    @Flag(help: Key.help("validate_wal_contiguity"))
    var validateWalContiguity = false
    @Option(help: Key.help("safekeeper_connection_options", "options"))
    var safekeeperConnectionOptions: String?
    @Option(help: Key.help("safekeeper_auth_token_path", "path"))
    var safekeeperAuthTokenPath: String?
    @Option(help: Key.help("ingest_batch_size", "count"))
    var ingestBatchSize: String?
    @Option(help: Key.help("store_reserved_space", "size"))
    var storeReservedSpace: String?
    @Flag(help: Key.help("report_disk_as_remote"))
    var reportDiskAsRemote = false

    /// Those that were given; nil for a switch.
    var settings: [(key: String, text: String?)] {
        let switches = [
            ("validate_wal_contiguity", validateWalContiguity), ("report_disk_as_remote", reportDiskAsRemote),
        ]
        return switches.filter(\.1).map { (key: $0.0, text: nil) }
            + given([
                "id": id, "workdir": workdir, "availability_zone": availabilityZone,
                "listen_http_addr": listenHttpAddr, "wal_receiver_protocol": walReceiverProtocol,
                "safekeeper_connection_options": safekeeperConnectionOptions,
                "safekeeper_auth_token_path": safekeeperAuthTokenPath, "ingest_batch_size": ingestBatchSize,
                "store_reserved_space": storeReservedSpace,
            ])
    }
}
