import Dispatch
import Glibc
import Logging
import SafekeeperServer
import ServerSupport
import ServiceLifecycle
import Telemetry

/// The life of the process around a safekeeper: log, metrics, signals.
enum SafekeeperProcess {
    /// Runs a safekeeper until it is told to stop.
    static func serve(_ settings: SafekeeperConfiguration) async throws {
        // A log that nobody reads any more must not end the process.
        signal(SIGPIPE, SIG_IGN)
        let metrics = PrometheusRegistry(catalogue: .safekeeper)
        let process = ProcessMetrics(
            revision: "git-env:\(environment("GIT_VERSION") ?? "unknown")",
            buildTag: "build_tag-env:\(environment("BUILD_TAG") ?? "unknown")"
        )
        metrics.addCollector { process.collect(into: &$0) }
        let sink = LogSink(descriptor: STDOUT_FILENO)
        defer { sink.flush() }
        let log = LogOutput(to: sink, format: settings.logFormat, levels: settings.logLevel, metrics: metrics)
        let logger = log.logger("start")
        logger.info("version: \(SafekeeperVersion.text)")

        let safekeeper = try await Safekeeper.start(settings, log: log, metrics: metrics)
        let group = ServiceGroup(services: [safekeeper], logger: log.logger("services"))
        let signals = SignalWatch(program: "safekeeper", timeout: settings.shutdownTimeout, logger: logger) {
            Task { await group.triggerGracefulShutdown() }
        }
        defer { signals.end() }
        try await group.run()
        logger.info("safekeeper has stopped")
    }

    /// Stores the number in the data directory.
    static func initialize(_ settings: SafekeeperConfiguration) async throws {
        StandardError.tell("initialized safekeeper id \(try await Safekeeper.initialize(settings))")
    }

    private static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
