package import ServerSupport
package import Telemetry

/// Everything that can be set of a safekeeper, with its defaults.
///
/// What a value means, its unit and its range are in ``ConfigurationKey/all``, from where `config/safekeeper.toml` and
/// `--help` have them.
package struct SafekeeperConfiguration: Hashable, Sendable {
    // MARK: The node

    package var id: UInt64?
    package var datadir = "."
    package var availabilityZone: String?

    // MARK: Where it listens

    package var listenPG = ListenAddress(host: "127.0.0.1", port: 5454)
    package var listenPGTenantOnly: ListenAddress?
    package var listenHTTP = ListenAddress(host: "127.0.0.1", port: 7676)
    package var advertisePG: ListenAddress?
    package var maxConnections = PortLimits().maximumConnections

    // MARK: Encryption

    package var walServiceTLS = PortPolicy.Encryption.none
    package var sslCertFile = "server.crt"
    package var sslKeyFile = "server.key"
    package var sslCertReloadPeriod = Duration.seconds(60)

    // MARK: Authentication

    package var pgAuthPublicKeyPath: String?
    package var pgTenantOnlyAuthPublicKeyPath: String?
    package var httpAuthPublicKeyPath: String?

    // MARK: Storage

    package var noSync = false
    package var segmentAllocation = SegmentAllocation.sparse
    package var controlFileSaveInterval = Duration.seconds(300)
    package var disableWALBackup = false

    // MARK: WAL from proposers

    package var walQueueMessages = MessageQueue.Limits().count
    package var walQueueBytes = MessageQueue.Limits().bytes

    // MARK: WAL to receivers

    package var walTailBytes = WALTail.standardCapacity
    package var shardQueueMessages = FanOutLimits().queuedMessages
    package var shardQueueBytes = FanOutLimits().queuedBytes
    package var shardGracePeriod = FanOutLimits().grace
    package var maxDeltaForFanout = Int(FanOutLimits().reach)
    package var maxShardReceivers = FanOutLimits().senders
    package var sendBufferBytes = PortLimits.standardSendBuffer

    // MARK: The process

    package var logLevel = LogLevels()
    package var logFormat = LogFormat.plain
    package var shutdownTimeout = Duration.seconds(5)

    package init() {}
}
