import PostgresWAL

/// Shows how a run goes: a block that changes on a terminal, else a line every few seconds.
struct LiveView {
    private let console: Console
    private var lastPlain: Double?
    private var previous: RunReport.Sample?
    /// Seconds between plain lines.
    private static let plainPeriod = 2.0

    init(_ console: Console) {
        self.console = console
    }

    /// Shows a sample.
    mutating func show(_ sample: RunReport.Sample, _ step: String) {
        defer { previous = sample }
        if console.isTerminal {
            console.show(Self.block(sample, after: previous, step))
        } else if lastPlain.map({ sample.seconds - $0 >= Self.plainPeriod }) ?? true {
            lastPlain = sample.seconds
            console.say(Self.line(sample, after: previous, step))
        }
    }

    /// The state in a few lines.
    static func block(
        _ sample: RunReport.Sample,
        after previous: RunReport.Sample?,
        _ step: String
    ) -> [String] {
        var lines = [
            "  \(seconds(sample))  \(step)",
            "  server      \(sample.serverEnd)  \(rates(sample, after: previous))",
            "  quorum      \(sample.commit)  \(behind(sample.serverEnd, sample.commit))",
        ]
        for (index, flush) in sample.safekeepers.enumerated() {
            lines.append(
                "  safekeeper \(index + 1)\(flush.map { "  \($0)  \(behind(sample.serverEnd, $0))" } ?? "  no answer")"
            )
        }
        if sample.shards.isEmpty { lines.append("  pageserver  no answer") }
        // More shards would not fit.
        for (index, shard) in sample.shards.prefix(12).enumerated() {
            let name = "shard \(index)".padding(to: 10)
            lines.append(
                "  \(name)  \(shard.lastRecord)  \(behind(sample.serverEnd, shard.lastRecord).padding(to: 16))  \(Quantity.bytes(shard.receivedBytes)) received"
            )
        }
        if sample.shards.count > 12 { lines.append("  … and \(sample.shards.count - 12) shards more") }
        return lines
    }

    /// The state in one line.
    static func line(_ sample: RunReport.Sample, after previous: RunReport.Sample?, _ step: String) -> String {
        let alive = sample.safekeepers.filter { $0 != nil }.count
        let lag = sample.shards.indices.compactMap { sample.lag(ofShard: $0) }
        let shards = sample.shards.prefix(8).map { Quantity.bytes($0.receivedBytes) }.joined(separator: ", ")
        let more = sample.shards.count > 8 ? ", …" : ""
        return [
            seconds(sample), step, "server \(sample.serverEnd)",
            "quorum \(behind(sample.serverEnd, sample.commit)), \(alive) of \(sample.safekeepers.count) safekeepers",
            rates(sample, after: previous),
            lag.max().map { "shards \(shards)\(more), lag up to \(Quantity.bytes($0))" } ?? "pageserver: no answer",
        ].joined(separator: "  ")
    }

    private static func seconds(_ sample: RunReport.Sample) -> String {
        let tenths = Int((sample.seconds * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) s".padding(to: 8)
    }

    private static func behind(_ end: LSN, _ lsn: LSN) -> String {
        guard lsn.isValid else { return "nothing yet" }
        let distance = end.distance(from: lsn) ?? 0
        return distance == 0 ? "up to date" : "-\(Quantity.bytes(distance))"
    }

    private static func rates(_ sample: RunReport.Sample, after previous: RunReport.Sample?) -> String {
        var pair = RunReport(title: "")
        pair.samples = [previous, sample].compactMap { $0 }
        guard let rate = pair.rates.first else { return "" }
        let sent = rate.sent.map { ", \(Quantity.significant($0)) MB/s out" } ?? ""
        return "\(Quantity.significant(rate.written)) MB/s in\(sent)"
    }
}

extension String {
    /// With spaces behind it up to a length.
    fileprivate func padding(to length: Int) -> String {
        self + String(repeating: " ", count: max(length - count, 0))
    }
}
