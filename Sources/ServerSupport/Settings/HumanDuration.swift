/// Durations as people write them: `300ms`, `5 s`, `1h 30m`.
///
/// Source: `safekeeper-operations.md` §0.
package enum HumanDuration {
    /// The units with their names; the first name is the one that is written.
    private static let units: [(names: [String], nanoseconds: Int64)] = [
        (["d", "day", "days"], 86_400_000_000_000),
        (["h", "hr", "hour", "hours"], 3_600_000_000_000),
        (["m", "min", "minute", "minutes"], 60_000_000_000),
        (["s", "sec", "second", "seconds"], 1_000_000_000),
        (["ms", "msec"], 1_000_000),
        (["us", "usec"], 1000),
        (["ns", "nsec"], 1),
        // Written by nobody here, but read.
        (["w", "week", "weeks"], 604_800_000_000_000),
        (["M", "month", "months"], 2_630_016_000_000_000),
        (["y", "year", "years"], 31_557_600_000_000_000),
    ]

    /// Parses whole numbers, each with its unit, with or without blanks between them; nil if the text is something else
    /// or the sum is more than 292 years.
    package static func parse(_ text: String) -> Duration? {
        var rest = text[...].drop { $0 == " " }
        guard !rest.isEmpty else { return nil }
        var sum: Int64 = 0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest[digits.endIndex...].drop { $0 == " " }
            let name = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest[name.endIndex...].drop { $0 == " " }
            guard let number = Int64(digits), let unit = units.first(where: { $0.names.contains(String(name)) })
            else { return nil }
            let (amount, isTooMuch) = number.multipliedReportingOverflow(by: unit.nanoseconds)
            let (total, overflows) = sum.addingReportingOverflow(amount)
            guard !isTooMuch && !overflows else { return nil }
            sum = total
        }
        return .nanoseconds(sum)
    }

    /// Writes a duration so that ``parse(_:)`` gives it again; one below zero, or beyond the range, as the nearest one.
    package static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let (whole, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        var rest = seconds < 0 ? 0 : overflows ? Int64.max : whole &+ attoseconds / 1_000_000_000
        var parts: [String] = []
        for (names, nanoseconds) in units where rest >= nanoseconds {
            parts.append("\(rest / nanoseconds)\(names[0])")
            rest %= nanoseconds
        }
        return parts.isEmpty ? "0s" : parts.joined(separator: " ")
    }
}
