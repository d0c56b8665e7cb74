import Telemetry

/// An exposition, read back by the rules of the text format; nil if it breaks one.
///
/// Besides the format: a metric's lines stand together, and each series is there once.
struct ParsedExposition {
    struct Sample: Hashable {
        let name: String
        let labels: [String: String]
        let value: String
    }

    private(set) var types: [String: String] = [:]
    private(set) var help: [String: String] = [:]
    private(set) var samples: [Sample] = []

    init?(_ exposition: MetricsExposition) {
        self.init(String(decoding: exposition.bytes, as: UTF8.self))
    }

    init?(_ text: String) {
        guard text.isEmpty || text.hasSuffix("\n") else { return nil }
        var current = ""
        var seen: Set<[String]> = []
        for line in text.unicodeScalars.split(separator: "\n").map(Substring.init) {
            let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
            if line.hasPrefix("# HELP ") {
                guard help.updateValue(words[3], forKey: words[2]) == nil else { return nil }
            } else if line.hasPrefix("# TYPE ") {
                current = words[2]
                guard types.updateValue(words[3], forKey: current) == nil else { return nil }
            } else {
                guard let sample = Self.sample(line) else { return nil }
                let suffixes = types[current] == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
                guard suffixes.contains(where: { sample.name == current + $0 }) else { return nil }
                let identity = [sample.name] + sample.labels.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }
                guard seen.insert(identity).inserted else { return nil }
                samples.append(sample)
            }
        }
    }

    subscript(name: String, labels: [String: String] = [:]) -> String? {
        samples.first { $0.name == name && $0.labels == labels }?.value
    }

    /// Goes by scalars: a combining mark behind a quote must not hide it.
    private static func sample(_ line: Substring) -> Sample? {
        var rest = line.unicodeScalars[...]
        func takeName() -> String {
            let name = rest.prefix { scalar in
                scalar.isASCII && scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
                    || scalar == "_" || scalar == ":"
            }
            rest = rest.dropFirst(name.count)
            return String(name)
        }
        let name = takeName()
        guard let first = name.first, !first.isNumber else { return nil }
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest = rest.dropFirst()
            while true {
                let key = takeName()
                guard !key.isEmpty, rest.popFirst() == "=", rest.popFirst() == "\"" else { return nil }
                var value = String.UnicodeScalarView()
                while let scalar = rest.popFirst(), scalar != "\"" {
                    guard scalar == "\\" else {
                        value.append(scalar)
                        continue
                    }
                    switch rest.popFirst() {
                    case "\\": value.append("\\")
                    case "\"": value.append("\"")
                    case "n": value.append("\n")
                    default: return nil
                    }
                }
                guard labels.updateValue(String(value), forKey: key) == nil else { return nil }
                let separator = rest.popFirst()
                if separator == "}" { break }
                guard separator == "," else { return nil }
            }
        }
        guard rest.popFirst() == " " else { return nil }
        let value = String(rest)
        guard Double(value.replacing("Inf", with: "inf").replacing("NaN", with: "nan")) != nil else { return nil }
        return Sample(name: name, labels: labels, value: value)
    }
}
