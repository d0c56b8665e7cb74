/// What a scrape is answered with: Prometheus' text format, version 0.0.4.
///
/// All lines of a metric stand together. A metric is written once: if two sources have one of the same name, the first
/// one counts.
package struct MetricsExposition: Sendable {
    /// The text so far.
    package private(set) var bytes: [UInt8] = []
    private var names: Set<String> = []

    /// The content type of an answer with this text.
    package static let contentType = "text/plain; version=0.0.4"

    package init() {}

    /// Writes one metric.
    ///
    /// - Parameters:
    ///   - name: its name; what can't be in one becomes `_`.
    ///   - kind: its type.
    ///   - help: what it means, in one sentence; none if nil.
    ///   - samples: writes its series.
    package mutating func metric(
        _ name: String,
        _ kind: MetricKind,
        help: String?,
        _ samples: (inout Samples) -> Void
    ) {
        let name = MetricName.metric(name)
        guard names.insert(name).inserted else { return }
        if let help {
            append("# HELP \(name) \(Self.escaped(help))\n")
        }
        append("# TYPE \(name) \(kind.rawValue)\n")
        var writer = Samples(name: name, bytes: [])
        swap(&writer.bytes, &bytes)
        samples(&writer)
        swap(&writer.bytes, &bytes)
    }

    /// Writes a metric of one series without labels.
    package mutating func metric(_ name: String, _ kind: MetricKind, help: String?, _ value: MetricValue) {
        metric(name, kind, help: help) { $0.sample(value) }
    }

    private mutating func append(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    private static func escaped(_ help: String) -> String {
        var escaped = ""
        for scalar in help.unicodeScalars {
            switch scalar {
            case "\\": escaped += #"\\"#
            case "\n": escaped += #"\n"#
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

extension MetricsExposition {
    /// The series of one metric.
    package struct Samples: ~Copyable {
        fileprivate let name: String
        fileprivate var bytes: [UInt8]

        fileprivate init(name: String, bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }

        /// Writes one series.
        package mutating func sample(_ value: MetricValue, labels: MetricLabels = .none) {
            line(suffix: "", labels, extraLabel: "", value)
        }

        /// Writes the series of a histogram: cumulative counts up to each bound, the sum and the count.
        ///
        /// - Parameters:
        ///   - bounds: the upper bounds in rising order, without infinity.
        ///   - counts: how many values each bucket has, and behind the last bound.
        ///   - sum: the sum of the values.
        ///   - labels: the labels of the series.
        package mutating func histogram(bounds: [Double], counts: [UInt64], sum: Double, labels: MetricLabels) {
            precondition(counts.count == bounds.count + 1, "a bucket for each bound and one behind")
            var cumulative: UInt64 = 0
            for (index, count) in counts.enumerated() {
                cumulative &+= count
                let bound = index < bounds.count ? MetricValue.real(bounds[index]).text : "+Inf"
                line(suffix: "_bucket", labels, extraLabel: "le=\"\(bound)\"", .integer(cumulative))
            }
            line(suffix: "_sum", labels, extraLabel: "", .real(sum))
            line(suffix: "_count", labels, extraLabel: "", .integer(cumulative))
        }

        private mutating func line(
            suffix: StaticString,
            _ labels: MetricLabels,
            extraLabel: String,
            _ value: MetricValue
        ) {
            bytes.append(contentsOf: name.utf8)
            suffix.withUTF8Buffer { bytes.append(contentsOf: $0) }
            if !labels.text.isEmpty || !extraLabel.isEmpty {
                bytes.append(UInt8(ascii: "{"))
                bytes.append(contentsOf: labels.text.utf8)
                if !labels.text.isEmpty && !extraLabel.isEmpty { bytes.append(UInt8(ascii: ",")) }
                bytes.append(contentsOf: extraLabel.utf8)
                bytes.append(UInt8(ascii: "}"))
            }
            bytes.append(UInt8(ascii: " "))
            bytes.append(contentsOf: value.text.utf8)
            bytes.append(UInt8(ascii: "\n"))
        }
    }
}

/// The types of metrics.
package enum MetricKind: String, Hashable, Sendable {
    /// Only rises, until the process starts again.
    case counter
    /// Rises and falls.
    case gauge
    /// How many values fell into which ranges.
    case histogram
}

/// A sample's value: whole numbers are written with all digits, as an LSN has more than a `Double` holds.
package enum MetricValue: Hashable, Sendable {
    /// A whole number.
    case integer(UInt64)
    /// Any number.
    case real(Double)

    var text: String {
        switch self {
        case .integer(let value): return "\(value)"
        case .real(let value):
            if value.isNaN { return "NaN" }
            if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
            // Up to here every whole number is one Double, and is written like one.
            if value.magnitude < 0x1p53, value == value.rounded(.towardZero) { return "\(Int64(value))" }
            return "\(value)"
        }
    }
}
