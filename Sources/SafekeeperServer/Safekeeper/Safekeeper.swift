internal import Glibc
internal import Logging
package import NIOCore
package import ReplicationProtocol
internal import ServerSupport
internal import ServiceLifecycle
package import Telemetry

/// A whole safekeeper: its data directory, its timelines, its ports.
///
/// Everything belongs to the instance, so that several can run in one process. ``start(_:log:metrics:onReady:)`` does all
/// that can fail; ``run()`` serves. Nothing that was promised depends on an orderly end.
///
/// The order of the start, after `safekeeper-operations.md` §7.5: the lock on the data directory, its number, keys,
/// ports (clients have to wait from here on), timelines, and then the management API.
package final class Safekeeper: Service {
    /// Where it listens, with the ports that the system chose.
    package struct Addresses: Hashable, Sendable, CustomStringConvertible {
        /// For WAL.
        package var pg: SocketAddress
        /// For WAL, for tokens of tenants only; nil if there is no such port.
        package var pgTenantOnly: SocketAddress?
        /// For the management API.
        package var http: SocketAddress

        /// Each address with the name of its setting: `listen_pg=127.0.0.1:5454 listen_http=127.0.0.1:7676`.
        package var description: String {
            let tenantOnly = pgTenantOnly.map { " listen_pg_tenant_only=\($0.text)" } ?? ""
            return "listen_pg=\(pg.text)\(tenantOnly) listen_http=\(http.text)"
        }
    }

    /// Its number.
    package let node: SafekeeperID
    /// Its timelines.
    package let registry: TimelineRegistry
    private let configuration: SafekeeperConfiguration
    private let lock: DataDirectoryLock
    private let ports: [PortServer]
    private let api: ManagementAPI
    private let credentials: TLSCredentials?
    private let log: LogOutput
    private let onReady: @Sendable (Addresses) async -> Void

    private init(
        _ configuration: SafekeeperConfiguration,
        node: SafekeeperID,
        registry: TimelineRegistry,
        lock: consuming DataDirectoryLock,
        ports: [PortServer],
        api: ManagementAPI,
        credentials: TLSCredentials?,
        log: LogOutput,
        onReady: @escaping @Sendable (Addresses) async -> Void
    ) {
        self.configuration = configuration
        self.node = node
        self.registry = registry
        self.lock = lock
        self.ports = ports
        self.api = api
        self.credentials = credentials
        self.log = log
        self.onReady = onReady
    }
}

// MARK: - The start

extension Safekeeper {
    /// Starts a safekeeper; blocks now and then.
    ///
    /// - Parameters:
    ///   - configuration: all settings.
    ///   - log: where its parts log.
    ///   - metrics: where they count.
    ///   - onReady: called once all ports serve.
    /// - Returns: the safekeeper, for ``run()``.
    /// - Throws: ``StartError``; nothing is left open then.
    package static func start(
        _ configuration: SafekeeperConfiguration,
        log: LogOutput,
        metrics: PrometheusRegistry,
        onReady: @escaping @Sendable (Addresses) async -> Void = { _ in }
    ) async throws(StartError) -> Safekeeper {
        let logger = log.logger("start")
        let path = try wholePath(of: configuration.datadir)
        let lock = try takeLock(on: path)
        logger.info("claimed pid file at \(path)/safekeeper.pid")
        let directory = DataDirectory(path: path, of: PosixFileSystem(), noSync: configuration.noSync)
        let node: SafekeeperID
        do throws(DataDirectoryError) {
            node = try await directory.claim(configuration.id.map { SafekeeperID($0) })
        } catch {
            throw .directory(error)
        }
        logger.info("safekeeper ID \(node)")

        let security = try await SafekeeperSecurity(configuration, dataDirectory: path, logger)
        let registry = TimelineRegistry(
            in: directory,
            settings: TimelineSettings(configuration, of: node),
            logger: log.logger("timelines"),
            metrics: SafekeeperMetrics(factory: metrics)
        )
        let ports = try await bindPorts(configuration, security, registry, log)
        do throws(StorageError) {
            try await registry.load()
        } catch {
            for port in ports { await port.close() }
            throw .storage(error)
        }
        return Safekeeper(
            configuration,
            node: node,
            registry: registry,
            lock: lock,
            ports: ports,
            api: ManagementAPI(
                node: node,
                registry: registry,
                metrics: metrics,
                verifier: security.http,
                logger: log.logger("http")
            ),
            credentials: security.credentials,
            log: log,
            onReady: onReady
        )
    }

    /// Stores the number of a safekeeper in its data directory, and no more.
    ///
    /// - Returns: the number.
    /// - Throws: ``StartError``.
    package static func initialize(_ configuration: SafekeeperConfiguration) async throws(StartError) -> SafekeeperID {
        let path = try wholePath(of: configuration.datadir)
        let lock = try takeLock(on: path)
        let directory = DataDirectory(path: path, of: PosixFileSystem(), noSync: configuration.noSync)
        do throws(DataDirectoryError) {
            let node = try await directory.claim(configuration.id.map { SafekeeperID($0) })
            _ = consume lock
            return node
        } catch {
            throw .directory(error)
        }
    }

    private static func wholePath(of directory: String) throws(StartError) -> String {
        guard let resolved = realpath(directory, nil) else {
            throw .dataDirectory(StorageError(operation: .open, path: directory, code: errno))
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func takeLock(on directory: String) throws(StartError) -> DataDirectoryLock {
        do throws(DataDirectoryError) {
            return try DataDirectoryLock(of: directory)
        } catch .locked(let file) {
            throw .inUse(directory: directory, process: processNumber(in: file))
        } catch {
            throw .directory(error)
        }
    }

    /// The number that whoever holds the lock has written to it.
    private static func processNumber(in path: String) -> String? {
        let fileSystem = PosixFileSystem()
        let bytes = try? fileSystem.with(path, .read) { (file) throws(StorageError) -> [UInt8] in
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 20, alignment: 1)
            defer { buffer.deallocate() }
            let count = try fileSystem.read(into: buffer, from: file, at: 0)
            return Array(buffer[..<count])
        }
        guard let bytes, let number = Int32(String(decoding: bytes, as: UTF8.self)) else { return nil }
        return "\(number)"
    }

    private static func bindPorts(
        _ configuration: SafekeeperConfiguration,
        _ security: SafekeeperSecurity,
        _ registry: TimelineRegistry,
        _ log: LogOutput
    ) async throws(StartError) -> [PortServer] {
        let numbers = ConnectionNumbers()
        let handler = SafekeeperPortHandler(registry: registry, logger: log.logger("wal_acceptor"))
        var wanted = [("listen_pg", configuration.listenPG, security.pg, false)]
        if let address = configuration.listenPGTenantOnly {
            wanted.append(("listen_pg_tenant_only", address, security.pgTenantOnly, true))
        }
        var ports: [PortServer] = []
        for (key, address, verifier, isTenantOnly) in wanted {
            let portConfiguration = PortConfiguration(
                host: address.host,
                port: Int(address.port),
                encryption: security.encryption,
                tokenVerifier: verifier,
                isTenantOnly: isTenantOnly,
                limits: PortLimits(configuration),
                connectionNumbers: numbers
            )
            do {
                let logger = log.logger("wal_service")
                let port = try await PortServer.bind(portConfiguration, handler: handler, logger: logger)
                ports.append(port)
                log.logger("start").info("starting safekeeper WAL service on \(port.address.text)")
            } catch {
                for port in ports { await port.close() }
                throw .listen(key, address, error)
            }
        }
        return ports
    }
}

// MARK: - Serving

extension Safekeeper {
    /// Serves until the service is told to shut down, or the task is cancelled: then it stops listening, ends what
    /// clients do, and closes the timelines.
    ///
    /// Throws ``StartError`` if the management API can't listen, and what made a part fail.
    package func run() async throws {
        // Not left to this object's end: closures of the management server hold it, too.
        defer { lock.release() }
        let logger = log.logger("start")
        let server = ManagementServer(api, at: configuration.listenHTTP, logger: log.logger("http")) { address in
            logger.info("starting safekeeper HTTP service on \(address.text)")
            let tenantOnly = self.ports.count > 1 ? self.ports[1].address : nil
            let addresses = Addresses(pg: self.ports[0].address, pgTenantOnly: tenantOnly, http: address)
            logger.info("safekeeper is ready: \(addresses)")
            await self.onReady(addresses)
        }
        // They are told to stop one after the other, the last one first.
        var services: [(name: String, service: any Service)] = [("timelines", TimelineService(registry: registry))]
        if let credentials {
            let period = configuration.sslCertReloadPeriod
            services.append(("certificate", CertificateService(credentials, period: period, log.logger("tls"))))
        }
        services.append(("HTTP", server))
        services += ports.map { ("WAL service", $0) }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map { name, service in
                    .init(service: NamedService(name: name, service: service, logger: logger), serviceName: name)
                },
                logger: log.logger("services")
            )
        )
        try await group.run()
    }
}

/// Tells which service it was that failed.
private struct NamedService: Service {
    let name: String
    let service: any Service
    let logger: Logger

    func run() async throws {
        do {
            try await service.run()
        } catch {
            if !(error is CancellationError) { logger.error("\(name) task failed: \(error), exiting") }
            throw error
        }
    }
}

/// Closes the timelines at the end.
private struct TimelineService: Service {
    let registry: TimelineRegistry

    func run() async throws {
        try? await gracefulShutdown()
        await registry.shutDown()
    }
}
