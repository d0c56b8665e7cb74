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

    /// The names of the levels, least important first.
    package static let names = ["trace", "debug", "info", "warn", "error"]

    private static func level(_ name: String) -> Logger.Level? {
        switch name {
        case "trace": .trace
        case "debug": .debug
        case "info": .info
        case "warn": .warning
        case "error": .error
        default: nil
        }
    }

    /// The level of an area.
    package subscript(area: String) -> Logger.Level { areas[area] ?? general }
}
