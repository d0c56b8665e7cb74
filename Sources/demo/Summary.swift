/// What a run comes to, in a few lines.
struct Summary: CustomStringConvertible {
    private let report: RunReport

    init(_ report: RunReport) {
        self.report = report
    }

    var description: String {
        var lines = ["Raw WAL          \(Quantity.bytes(report.rawBytes))"]
        for shard in report.shards {
            let records = shard.records.map { ", \(Quantity.count($0)) records" } ?? ""
            lines.append("To shard \(shard.name)    \(Quantity.bytes(shard.bytes))\(records)")
        }
        if let factor = report.factor {
            lines.append("To all shards    \(Quantity.bytes(report.sentBytes))")
            lines.append(
                "Less than raw    \(Quantity.significant(factor)) times, against raw WAL to each of the shards"
            )
        }
        if let lag = report.largestLag { lines.append("Largest lag      \(Quantity.bytes(lag)) of a shard") }
        if let half = report.latency.quantile(0.5), let most = report.latency.quantile(0.99) {
            lines.append(
                "Transactions     half within \(Quantity.milliseconds(half)), 99 of 100 within "
                    + Quantity.milliseconds(most)
            )
        }
        let memory = report.processes.map { process in
            "\(process) \(Quantity.bytes(report.samples.compactMap { $0.resident[process] }.max() ?? 0))"
        }
        if !memory.isEmpty { lines.append("Memory           \(memory.joined(separator: ", ")) at most") }
        lines += report.notes
        lines.append("")
        for check in report.checks {
            lines.append("\(check.passed ? "ok    " : "WRONG ") \(check.name): \(check.detail)")
        }
        lines.append(report.passed ? "Verified." : "NOT verified: something is wrong.")
        return lines.joined(separator: "\n")
    }
}
