package import Telemetry

/// Settings of a program that serves: what every such process has, whatever it serves.
package protocol ProcessSettings: Configurable {
    /// What is logged.
    var logLevel: LogLevels { get set }
    /// How a line of the log looks.
    var logFormat: LogFormat { get set }
    /// How long an orderly stop may take.
    var shutdownTimeout: Duration { get set }
}

extension SettingKey where Settings: ProcessSettings {
    /// The keys of these settings, with their section's title.
    package static var process: SettingSection<Settings> { ("Process", [logLevel, logFormat, shutdownTimeout]) }

    private static var logLevel: SettingKey {
        SettingKey(
            "log_level",
            .parsed(
                expected:
                    "trace, debug, info, warn or error, and after commas others for single areas: info,http=debug",
                get: { $0.logLevel.description },
                set: { settings, text in
                    guard let levels = LogLevels(text) else { return false }
                    settings.logLevel = levels
                    return true
                }
            ),
            help: "What is logged, to standard output."
        )
    }

    private static var logFormat: SettingKey {
        SettingKey(
            "log_format",
            .choice(
                LogFormat.allCases.map(\.rawValue),
                get: { $0.logFormat.rawValue },
                set: { settings, text in
                    guard let format = LogFormat(rawValue: text) else { return false }
                    settings.logFormat = format
                    return true
                }
            ),
            help: "How: lines for people, or one JSON object a line."
        )
    }

    private static var shutdownTimeout: SettingKey {
        SettingKey(
            "shutdown_timeout",
            .duration(\.shutdownTimeout, .milliseconds(100)...(.seconds(600))),
            help: """
                How long an orderly stop may take after SIGTERM or SIGINT, before the process ends all the same. Nothing \
                that was reported as durable depends on it.
                """
        )
    }
}
