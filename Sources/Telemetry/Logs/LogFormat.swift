internal import Glibc
package import Logging

/// How an event becomes a line.
///
/// Source: `safekeeper-operations.md` §7.4.
package enum LogFormat: String, Hashable, Sendable, CaseIterable {
    /// `2026-11-23T00:02:42.123456Z  INFO wal_service{cid=3 ttid=…}: message`; the area is there only with fields.
    case plain
    /// One JSON object a line, with the members `timestamp`, `level`, `fields` and `span`.
    case json

    /// Writes a line, with its line break; control characters in texts are escaped, so that it stays one.
    package func line(
        _ time: LogTime,
        _ level: Logger.Level,
        area: String,
        fields: Logger.Metadata,
        message: String
    ) -> String {
        let fields = fields.sorted { $0.key < $1.key }
        switch self {
        case .plain:
            let level = Self.name(level)
            let padding = String(repeating: " ", count: 5 - level.utf8.count)
            let list = fields.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
            let span = fields.isEmpty ? "" : "\(area){\(list)}: "
            return "\(time) \(padding)\(level) \(Self.escaped(span + message, quotes: false))\n"
        case .json:
            let span = [("name", area)] + fields.map { ($0.key, "\($0.value)") }
            return """
                {"timestamp":"\(time)","level":"\(Self.name(level))",\
                "fields":{"message":"\(Self.escaped(message, quotes: true))"},\
                "span":{\(span.map(Self.member).joined(separator: ","))}}

                """
        }
    }

    private static func name(_ level: Logger.Level) -> String {
        switch level {
        case .trace: "TRACE"
        case .debug: "DEBUG"
        case .info, .notice: "INFO"
        case .warning: "WARN"
        case .error, .critical: "ERROR"
        }
    }

    private static func member(_ name: String, _ value: String) -> String {
        "\"\(escaped(name, quotes: true))\":\"\(escaped(value, quotes: true))\""
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        func needsEscape(_ byte: UInt8) -> Bool {
            byte < 0x20 || byte == 0x7F || quotes && (byte == 0x22 || byte == 0x5C)
        }
        guard text.utf8.contains(where: needsEscape) else { return text }
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": escaped += #"\n"#
            case "\r": escaped += #"\r"#
            case "\t": escaped += #"\t"#
            case "\"" where quotes, "\\" where quotes: escaped += "\\\(scalar)"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                escaped += (scalar.value < 0x10 ? #"\u000"# : #"\u00"#) + String(scalar.value, radix: 16)
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

/// A point in time, written as `2026-11-23T00:02:42.123456Z`.
package struct LogTime: Hashable, Sendable, CustomStringConvertible {
    /// Microseconds since 1970-01-01 00:00 UTC.
    package let microseconds: Int64

    package init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// The system's time.
    package static var now: LogTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return LogTime(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    package var description: String {
        var seconds = time_t(microseconds / 1_000_000)
        var date = tm()
        gmtime_r(&seconds, &date)
        let day = [Int(date.tm_year) + 1900, Int(date.tm_mon) + 1, Int(date.tm_mday)]
        let clock = [Int(date.tm_hour), Int(date.tm_min), Int(date.tm_sec)]
        func padded(_ values: [Int], _ separator: String) -> String {
            values.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: separator)
        }
        let fraction = "\(microseconds % 1_000_000)"
        let zeros = String(repeating: "0", count: 6 - fraction.utf8.count)
        return "\(padded(day, "-"))T\(padded(clock, ":")).\(zeros)\(fraction)Z"
    }
}
