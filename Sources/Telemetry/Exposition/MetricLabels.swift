/// The labels of one series, written the way they stand in the exposition: `name="value",…`, sorted by name.
///
/// Names are made valid: characters that can't be in one become `_`. Values may hold anything and are cut after
/// ``maximumValueLength`` bytes, since some come from clients. Of two values for one name the last counts.
package struct MetricLabels: Hashable, Sendable {
    /// The text between the braces.
    let text: String

    /// Bytes of UTF-8 that a value may have.
    package static let maximumValueLength = 256

    /// No labels.
    package static let none = MetricLabels([])

    package init(_ labels: [(String, String)]) {
        var values: [String: String] = [:]
        for (name, value) in labels { values[MetricName.label(name)] = value }
        text = values.sorted { $0.key < $1.key }
            .map { "\($0.key)=\"\(Self.escaped(Self.clipped($0.value)))\"" }
            .joined(separator: ",")
    }

    /// The same names, each with the value that stands for all series that are too many.
    static func overflow(of labels: [(String, String)]) -> MetricLabels {
        MetricLabels(labels.map { ($0.0, overflowValue) })
    }

    /// The value of all labels of the series that counts for all that are too many.
    package static let overflowValue = "other"

    private static func clipped(_ value: String) -> String {
        guard value.utf8.count > maximumValueLength else { return value }
        var clipped = ""
        var length = 0
        for scalar in value.unicodeScalars {
            length += UTF8.width(scalar)
            if length > maximumValueLength { break }
            clipped.unicodeScalars.append(scalar)
        }
        return clipped
    }

    private static func escaped(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == 0x5C || $0 == 0x22 || $0 == 0x0A }) else { return value }
        var escaped = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": escaped += #"\\"#
            case "\"": escaped += #"\""#
            case "\n": escaped += #"\n"#
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

/// Which names Prometheus takes.
enum MetricName {
    /// A metric's name: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    static func metric(_ name: String) -> String {
        valid(name) { $0 == UInt8(ascii: ":") }
    }

    /// A label's name: `[a-zA-Z_][a-zA-Z0-9_]*`, and not `le`, which belongs to histograms.
    static func label(_ name: String) -> String {
        name == "le" ? "exported_le" : valid(name) { _ in false }
    }

    private static func valid(_ name: String, _ isAllowed: (UInt8) -> Bool) -> String {
        var bytes = name.utf8.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                byte
            default: isAllowed(byte) ? byte : UInt8(ascii: "_")
            }
        }
        if let first = bytes.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) {
            bytes.insert(UInt8(ascii: "_"), at: 0)
        }
        return bytes.isEmpty ? "_" : String(decoding: bytes, as: UTF8.self)
    }
}
