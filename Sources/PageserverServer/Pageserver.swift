internal import Dispatch
internal import Glibc
internal import Ingest
internal import Logging
package import NIOCore
internal import PostgresWAL
internal import ServerSupport
internal import ServiceLifecycle
package import ShardIdentity
package import Telemetry
package import WalReceiver

/// A whole pageserver: all shards of a working directory, and the API.
///
/// Everything belongs to the instance, so that several can run in one process. ``start(_:log:metrics:onReady:)`` opens
/// the shards; ``run()`` serves.
package final class Pageserver: Service {
    /// Its shards, in order.
    package let shards: [ShardHost]
    private let configuration: PageserverConfiguration
    private let token: String?
    private let metrics: PrometheusRegistry
    private let log: LogOutput
    private let onReady: @Sendable (SocketAddress) async -> Void

    private init(
        _ configuration: PageserverConfiguration,
        shards: [ShardHost],
        token: String?,
        metrics: PrometheusRegistry,
        log: LogOutput,
        onReady: @escaping @Sendable (SocketAddress) async -> Void
    ) {
        self.configuration = configuration
        self.shards = shards
        self.token = token
        self.metrics = metrics
        self.log = log
        self.onReady = onReady
    }

    /// Opens all shards.
    ///
    /// - Parameters:
    ///   - configuration: all settings.
    ///   - log: where its parts log.
    ///   - metrics: where they count.
    ///   - onReady: called once the API serves, with its address.
    /// - Returns: the pageserver, for ``run()``.
    /// - Throws: ``PageserverError``; nothing is left open then.
    package static func start(
        _ configuration: PageserverConfiguration,
        log: LogOutput,
        metrics: PrometheusRegistry,
        onReady: @escaping @Sendable (SocketAddress) async -> Void = { _ in }
    ) async throws(PageserverError) -> Pageserver {
        let queue = DispatchQueue(label: "start")
        return try await BlockingWork.run(on: queue) { () throws(PageserverError) in
            guard access(configuration.workdir, R_OK | W_OK | X_OK) == 0 else {
                throw .system("use", configuration.workdir, errno)
            }
            let token = try token(configuration)
            var shards: [ShardHost] = []
            for folder in try ShardFolder.all(in: configuration.workdir) {
                shards.append(try open(folder, configuration, token, log))
            }
            log.logger("start").info("opened \(shards.count) shards in \(configuration.workdir)")
            let pageserver = Pageserver(
                configuration,
                shards: shards,
                token: token,
                metrics: metrics,
                log: log,
                onReady: onReady
            )
            metrics.addCollector { [shards] in PageserverMetrics(shards).collect(into: &$0) }
            return pageserver
        }
    }

    private static func token(_ configuration: PageserverConfiguration) throws(PageserverError) -> String? {
        if let path = configuration.safekeeperAuthTokenPath {
            guard let token = try SmallFile.read(path).split(whereSeparator: \.isWhitespace).first else {
                throw .noToken(path: path)
            }
            return String(token)
        }
        return getenv("NEON_AUTH_TOKEN").map { String(cString: $0) }
    }

    private static func open(
        _ folder: ShardFolder,
        _ configuration: PageserverConfiguration,
        _ token: String?,
        _ log: LogOutput
    ) throws(PageserverError) -> ShardHost {
        let shard = try folder.readShard()
        guard ShardFolder(of: shard, in: configuration.workdir) == folder else {
            throw .misplaced(path: folder.path, shard)
        }
        var logger = log.logger("walreceiver")
        logger[metadataKey: "tenant_id"] = "\(shard.tenant)"
        logger[metadataKey: "timeline_id"] = "\(shard.timeline)"
        var storeOptions = RocksDBStore.Options()
        storeOptions.reservedSpace = UInt64(configuration.storeReservedSpace)
        let store: RocksDBStore
        do throws(StoreError) {
            store = try RocksDBStore(path: folder.store, options: storeOptions)
        } catch {
            throw .store(path: folder.store, error)
        }
        var options = IngestOptions()
        options.batchSize = configuration.ingestBatchSize
        options.onWarning = { [logger] in logger.warning("odd WAL of \(shard): \($0)") }
        let sink: IngestSink
        do throws(IngestError) {
            sink = try IngestSink(
                opening: store,
                as: shard,
                options: options,
                reportsDiskAsRemote: configuration.reportDiskAsRemote
            )
        } catch {
            throw .ingest(error)
        }
        let tenant = configuration.settings(of: "\(shard.tenant)")
        var policy = FlushPolicy()
        policy.distance = UInt64(tenant.checkpointDistance)
        policy.timeout = tenant.checkpointTimeout
        return ShardHost(
            sink,
            safekeepers: configuration.safekeepers,
            configuration: configuration.receiver(of: shard.tenant, token: token),
            policy: policy,
            logger: logger
        )
    }
}

extension PageserverConfiguration {
    /// How the WAL of a tenant is received.
    package func receiver(of tenant: TenantID, token: String?) -> ReceiverConfiguration {
        let settings = settings(of: "\(tenant)")
        var receiver = ReceiverConfiguration()
        receiver.selection = settings.walReceiverProtocolOverride ?? walReceiverProtocol
        receiver.manager.connectTimeout = settings.walreceiverConnectTimeout
        receiver.manager.laggingTimeout = settings.laggingWALTimeout
        receiver.manager.maximumLag = UInt64(settings.maxLSNWALLag)
        receiver.manager.availabilityZone = availabilityZone
        receiver.node = id
        receiver.validatesContiguity = validateWALContiguity
        receiver.connectionOptions = safekeeperConnectionOptions
        receiver.token = token
        return receiver
    }
}

// MARK: - Serving

extension Pageserver {
    /// Serves until the service is told to shut down, or the task is cancelled; then shards stop receiving, and what they
    /// have is made durable.
    ///
    /// Throws ``PageserverError`` if the API can't listen.
    package func run() async throws {
        let logger = log.logger("start")
        let address = configuration.listenHTTPAddr
        let server = HTTPService(
            PageserverAPI(node: configuration.id, shards: shards, metrics: metrics, logger: log.logger("http")),
            at: address,
            logger: log.logger("http"),
            bindFailure: { PageserverError.listen(address, reason: ListenAddress.reason(of: $0)) },
            onBound: { [onReady] bound in
                logger.info("pageserver is ready: listen_http_addr=\(bound.text)")
                await onReady(bound)
            }
        )
        let work = ShardService(shards: shards, probes: probes())
        let group = ServiceGroup(services: [work, server], logger: log.logger("services"))
        try await group.run()
    }

    /// One for each timeline, unless there is nothing to choose.
    private func probes() -> [ShardService.Probe] {
        guard configuration.safekeepers.count > 1 else { return [] }
        let timelines = Dictionary(grouping: shards) { [$0.shard.tenant.bytes, $0.shard.timeline.bytes] }
        return timelines.values.map { hosts in
            let shard = hosts[0].shard
            let probe = SafekeeperProbe(
                configuration.safekeepers,
                ReceiverTarget(shard),
                configuration: configuration.receiver(of: shard.tenant, token: token)
            )
            return ShardService.Probe(probe: probe, hosts: hosts)
        }
    }
}

/// Runs all shards until the end.
private struct ShardService: Service {
    struct Probe: Sendable {
        let probe: SafekeeperProbe
        let hosts: [ShardHost]
    }

    let shards: [ShardHost]
    let probes: [Probe]

    func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            for shard in shards { group.addTask { await shard.run() } }
            for probe in probes {
                group.addTask {
                    await probe.probe.run { news in
                        for host in probe.hosts { host.receiver.announce(news) }
                    }
                }
            }
            try? await gracefulShutdown()
            group.cancelAll()
        }
    }
}
