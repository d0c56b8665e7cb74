/// Sizes as people write them: `65536`, `16MiB`.
package enum ByteSize {
    private static let units = ["B", "KiB", "MiB", "GiB", "TiB"]

    /// Parses a whole number of bytes, or one with a unit; nil if the text is something else or beyond 2^63.
    package static func parse(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let name = text[digits.endIndex...].drop { $0 == " " }
        guard let number = Int(digits), let unit = name.isEmpty ? 0 : units.firstIndex(of: String(name)) else {
            return nil
        }
        let (size, overflows) = number.multipliedReportingOverflow(by: 1 << (10 * unit))
        return overflows ? nil : size
    }

    /// Writes a size with the largest unit that makes it a whole number.
    package static func text(_ size: Int) -> String {
        var size = size
        var unit = 0
        while size != 0 && size % 1024 == 0 && unit + 1 < units.count {
            size /= 1024
            unit += 1
        }
        return "\(size)\(units[unit])"
    }
}
