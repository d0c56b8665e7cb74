internal import Glibc
internal import Logging
package import ServiceLifecycle
package import Telemetry

/// The life of a process around a server: log, metrics, signals.
package struct ServerProcess: Sendable {
    /// The program's name, for messages.
    package let program: String
    /// Its version.
    package let version: String
    /// What is known beforehand of its metrics.
    package let catalogue: MetricCatalogue

    package init(program: String, version: String, catalogue: MetricCatalogue = MetricCatalogue()) {
        self.program = program
        self.version = version
        self.catalogue = catalogue
    }

    /// Starts a server and runs it until a signal tells it to stop; see ``SignalWatch``.
    ///
    /// - Parameters:
    ///   - settings: the settings of the process.
    ///   - start: starts the server, with where it logs and what it measures.
    /// - Throws: what `start` does, and what makes a part of the server fail.
    package func run(
        _ settings: some ProcessSettings,
        start: (LogOutput, PrometheusRegistry) async throws -> some Service
    ) async throws {
        // A log that nobody reads any more must not end the process.
        signal(SIGPIPE, SIG_IGN)
        let metrics = PrometheusRegistry(catalogue: catalogue)
        let process = ProcessMetrics(
            revision: "git-env:\(Self.environment("GIT_VERSION") ?? "unknown")",
            buildTag: "build_tag-env:\(Self.environment("BUILD_TAG") ?? "unknown")"
        )
        metrics.addCollector { process.collect(into: &$0) }
        let sink = LogSink(descriptor: STDOUT_FILENO)
        defer { sink.flush() }
        let log = LogOutput(to: sink, format: settings.logFormat, levels: settings.logLevel, metrics: metrics)
        let logger = log.logger("start")
        logger.info("version: \(version)")
        OpenFileLimit.raise(logger)

        let group = ServiceGroup(services: [try await start(log, metrics)], logger: log.logger("services"))
        let signals = SignalWatch(program: program, timeout: settings.shutdownTimeout, logger: logger) {
            Task { await group.triggerGracefulShutdown() }
        }
        defer { signals.end() }
        try await group.run()
        logger.info("\(program) has stopped")
    }

    private static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
