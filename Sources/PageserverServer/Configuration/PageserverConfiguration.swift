internal import InterpretedWAL
package import ReplicationProtocol
package import ServerSupport
package import Telemetry
package import WalReceiver

/// Everything that can be set of a pageserver, with its defaults.
///
/// Names are upstream's where it has the setting. What a value means, its unit and its range are in ``sections``, from
/// where `config/pageserver.toml` and `--help` have them.
package struct PageserverConfiguration: Hashable, Sendable {
    // MARK: The node

    package var id: UInt64 = 1
    package var workdir = "."
    package var availabilityZone: String?
    package var listenHTTPAddr = ListenAddress(host: "127.0.0.1", port: 9898)

    // MARK: Receiving

    package var walReceiverProtocol = ReceiverConfiguration().selection
    package var validateWALContiguity = true
    package var safekeeperConnectionOptions = ReceiverConfiguration().connectionOptions
    package var safekeeperAuthTokenPath: String?

    // MARK: Ingest

    package var ingestBatchSize = 100
    package var storeReservedSpace = 1 << 30
    package var reportDiskAsRemote = false

    // MARK: The process

    package var logLevel = LogLevels()
    package var logFormat = LogFormat.plain
    package var shutdownTimeout = Duration.seconds(30)

    // MARK: Tables

    package var safekeepers: [Safekeeper] = []
    package var tenantConfig = TenantSettings()
    /// What is set for single tenants, by their ids: the whole settings, in which tenantConfig is the default.
    package var tenants: [String: [String: SettingInput]] = [:]

    package init() {}

    /// The settings of a tenant.
    package func settings(of tenant: String) -> TenantSettings {
        var settings = tenantConfig
        // They were tried when they were set.
        if let own = tenants[tenant] { try? settings.apply(table: own) }
        return settings
    }
}
