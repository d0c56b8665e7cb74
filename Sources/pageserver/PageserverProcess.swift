import CLinux
import Glibc
import Logging
import PageserverServer
import ServerSupport
import ServiceLifecycle
import Telemetry

/// The life of the process around a pageserver: log, metrics, signals.
enum PageserverProcess {
    /// Allocations of this size and more are not put among others.
    ///
    /// Those of RocksDB's tables in memory are 1 MiB each, of whichever thread commits. Freed among others, they would leave
    /// holes in the heap of every thread, and the process would grow for hours before it stays where it is.
    private static let mappedAllocation: Int32 = 512 << 10

    /// Runs a pageserver until it is told to stop.
    static func serve(_ settings: PageserverConfiguration) async throws {
        _ = linux_map_large_allocations(mappedAllocation)
        // A log that nobody reads any more must not end the process.
        signal(SIGPIPE, SIG_IGN)
        let metrics = PrometheusRegistry()
        let process = ProcessMetrics(
            revision: "git-env:\(environment("GIT_VERSION") ?? "unknown")",
            buildTag: "build_tag-env:\(environment("BUILD_TAG") ?? "unknown")"
        )
        metrics.addCollector { process.collect(into: &$0) }
        let sink = LogSink(descriptor: STDOUT_FILENO)
        defer { sink.flush() }
        let log = LogOutput(to: sink, format: settings.logFormat, levels: settings.logLevel, metrics: metrics)
        let logger = log.logger("start")
        logger.info("version: \(PageserverVersion.text)")

        let pageserver = try await Pageserver.start(settings, log: log, metrics: metrics)
        let group = ServiceGroup(services: [pageserver], logger: log.logger("services"))
        let signals = SignalWatch(program: "pageserver", timeout: settings.shutdownTimeout, logger: logger) {
            Task { await group.triggerGracefulShutdown() }
        }
        defer { signals.end() }
        try await group.run()
        logger.info("pageserver has stopped")
    }

    private static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
