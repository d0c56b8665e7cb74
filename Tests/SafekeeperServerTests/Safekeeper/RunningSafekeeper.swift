import Logging
import NIOCore
import SafekeeperHarness
import SafekeeperServer
import ServerSupport
import ServiceLifecycle
import Telemetry
import TestFixtures

/// A safekeeper in this process, on ports that the system chooses.
struct RunningSafekeeper: Sendable {
    let safekeeper: Safekeeper
    let addresses: Safekeeper.Addresses
    let metrics: PrometheusRegistry

    var http: HTTPClient { HTTPClient(port: addresses.http.port ?? 0) }

    static func configuration(_ folder: TemporaryFolder, id: UInt64 = 7) -> SafekeeperConfiguration {
        var configuration = SafekeeperConfiguration()
        configuration.id = id
        configuration.datadir = folder.path
        configuration.listenPG = ListenAddress(host: "127.0.0.1", port: 0)
        configuration.listenHTTP = ListenAddress(host: "127.0.0.1", port: 0)
        configuration.noSync = true
        return configuration
    }

    /// A log that nobody reads.
    static func log(_ metrics: PrometheusRegistry) -> LogOutput {
        LogOutput(to: LogSink(descriptor: -1), format: .plain, levels: LogLevels(), metrics: metrics)
    }

    /// Runs a safekeeper for the time of a call, and stops it in order.
    static func with<Result: Sendable>(
        _ configuration: SafekeeperConfiguration,
        _ body: @escaping @Sendable (RunningSafekeeper) async throws -> Result
    ) async throws -> Result {
        let metrics = PrometheusRegistry(catalogue: .safekeeper)
        let log = log(metrics)
        let (ready, continuation) = AsyncStream.makeStream(of: Safekeeper.Addresses.self)
        let safekeeper = try await Safekeeper.start(configuration, log: log, metrics: metrics) { addresses in
            continuation.yield(addresses)
            continuation.finish()
        }
        let group = ServiceGroup(services: [safekeeper], logger: log.logger("services"))
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { continuation.finish() }
                try await group.run()
            }
            var addresses: Safekeeper.Addresses?
            for await bound in ready { addresses = bound }
            guard let addresses else {
                try await tasks.next()
                throw NotReady()
            }
            let running = RunningSafekeeper(safekeeper: safekeeper, addresses: addresses, metrics: metrics)
            do {
                let result = try await body(running)
                await group.triggerGracefulShutdown()
                try await tasks.next()
                return result
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
        }
    }

    private struct NotReady: Error {}
}
