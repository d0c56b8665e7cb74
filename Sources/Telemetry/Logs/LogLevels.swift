package import Logging

/// Which events are logged: a level for all, and others for single areas, as in `info,http=debug`.
package struct LogLevels: Hashable, Sendable {
    /// The level of areas that aren't named.
    package var general: Logger.Level
    /// Levels by area, which is a logger's label.
    package var areas: [String: Logger.Level]

    package init(general: Logger.Level = .info, areas: [String: Logger.Level] = [:]) {
        self.general = general
        self.areas = areas
    }

    /// Parses levels separated by commas, each either alone or as `area=level`; nil if that isn't what the text is.
    package init?(_ text: String) {
        self.init()
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let level = pair.last.flatMap({ Self.level(String($0)) }) else { return nil }
            if pair.count == 1 {
                general = level
            } else if !pair[0].isEmpty {
                areas[String(pair[0])] = level
            } else {
                return nil
            }
        }
    }

    private static let names: [(String, Logger.Level)] = [
        ("trace", .trace), ("debug", .debug), ("info", .info), ("warn", .warning), ("error", .error),
    ]

    private static func level(_ name: String) -> Logger.Level? {
        names.first { $0.0 == name }?.1
    }

    private static func name(_ level: Logger.Level) -> String {
        names.first { $0.1 >= level }?.0 ?? "error"
    }

    /// The level of an area.
    package subscript(area: String) -> Logger.Level { areas[area] ?? general }
}

extension LogLevels: CustomStringConvertible {
    /// The text that gives these levels.
    package var description: String {
        let areas = areas.sorted { $0.key < $1.key }.map { "\($0.key)=\(Self.name($0.value))" }
        return ([Self.name(general)] + areas).joined(separator: ",")
    }
}
