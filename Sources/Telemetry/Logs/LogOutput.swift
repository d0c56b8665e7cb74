package import CoreMetrics
package import Logging

/// The log of one server: makes loggers that all write to one place; there is no global one, so that servers can share
/// a process.
///
/// Every event is counted by its level in `libmetrics_tracing_event_count`; critical ones also count as errors.
package struct LogOutput: Sendable {
    private let sink: LogSink
    private let format: LogFormat
    private let levels: LogLevels
    private let counters: LogEventCounters

    package init(to sink: LogSink, format: LogFormat, levels: LogLevels, metrics: any MetricsFactory) {
        self.sink = sink
        self.format = format
        self.levels = levels
        counters = LogEventCounters(metrics)
    }

    /// Makes a logger for an area, by which its level is chosen.
    package func logger(_ area: String) -> Logger {
        Logger(label: area) { area in
            LineLogHandler(
                area: area,
                logLevel: levels[area],
                format: format,
                sink: sink,
                counters: counters
            )
        }
    }
}

/// Counts events by level.
private struct LogEventCounters: Sendable {
    private let counters: [Logger.Level: Counter]

    init(_ metrics: any MetricsFactory) {
        let names: [(Logger.Level, String)] = [
            (.trace, "trace"), (.debug, "debug"), (.info, "info"), (.warning, "warn"), (.error, "error"),
            (.critical, "critical"),
        ]
        counters = Dictionary(
            uniqueKeysWithValues: names.map { level, name in
                let dimensions = [("level", name)]
                return (
                    level,
                    Counter(label: "libmetrics_tracing_event_count", dimensions: dimensions, factory: metrics)
                )
            }
        )
    }

    func count(_ level: Logger.Level) {
        counters[level == .notice ? .info : level]?.increment()
        if level == .critical { counters[.error]?.increment() }
    }
}

/// Turns events into lines.
private struct LineLogHandler: LogHandler {
    let area: String
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    let format: LogFormat
    let sink: LogSink
    let counters: LogEventCounters

    init(area: String, logLevel: Logger.Level, format: LogFormat, sink: LogSink, counters: LogEventCounters) {
        self.area = area
        self.logLevel = logLevel
        self.format = format
        self.sink = sink
        self.counters = counters
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        counters.count(event.level)
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
        if let own = event.metadata { fields.merge(own) { _, new in new } }
        let message = event.error.map { "\(event.message): \($0)" } ?? "\(event.message)"
        sink.write(format.line(.now, event.level, area: area, fields: fields, message: message))
    }
}
