import PostgresWAL

/// The page of a run: one file that needs nothing else.
package enum ReportPage {
    /// The page as HTML that is well-formed XML too.
    package static func html(of report: RunReport) -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <meta name="color-scheme" content="light dark"/>
        <title>\(Markup.escape(report.title))</title>
        <style>
        \(ReportStyle.sheet)
        </style>
        </head>
        <body>
        <main>
        <h1>\(Markup.escape(report.title))</h1>
        \(verdict(report))
        \(report.notes.map { "<div class=\"note\">\(Markup.escape($0))</div>" }.joined(separator: "\n"))
        \(figures(report))
        \(sections(report).joined(separator: "\n"))
        </main>
        </body>
        </html>

        """
    }

    private static func verdict(_ report: RunReport) -> String {
        if report.checks.isEmpty { return "<div class=\"verdict bad\">Nothing was verified</div>" }
        let failed = report.checks.filter { !$0.passed }.count
        return failed == 0
            ? "<div class=\"verdict good\">✓ Verified: \(report.checks.count) of \(report.checks.count) checks passed</div>"
            : "<div class=\"verdict bad\">✗ \(failed) of \(report.checks.count) checks failed</div>"
    }

    /// The few numbers that matter most.
    private static func figures(_ report: RunReport) -> String {
        var items = [("raw WAL", Quantity.bytes(report.rawBytes))]
        if !report.shards.isEmpty {
            items.append(("sent to \(report.shards.count) shards together", Quantity.bytes(report.sentBytes)))
        }
        if let factor = report.factor {
            items.append(("less than raw WAL to every shard", "\(Quantity.significant(factor)) ×"))
        }
        if let lag = report.samples.last?.largestLag {
            items.append(("largest lag of a shard at the end", Quantity.bytes(lag)))
        }
        if let median = report.latency.quantile(0.5) {
            items.append(("half of the transactions took at most", Quantity.milliseconds(median)))
        }
        let boxes = items.map { name, value in
            "<div><b>\(Markup.escape(value))</b><span>\(Markup.escape(name))</span></div>"
        }
        return "<div class=\"figures\">\(boxes.joined())</div>"
    }

    private static func sections(_ report: RunReport) -> [String] {
        [
            throughput(report), shards(report), lag(report), quorum(report), memory(report), latency(report),
            layouts(report), kinds(report), checks(report), setting(report),
        ].compactMap { $0 }
    }

    private static func checks(_ report: RunReport) -> String? {
        guard !report.checks.isEmpty else { return nil }
        let rows = report.checks.map { [$0.name, $0.passed ? "✓" : "✗ failed", $0.detail] }
        return Markup.section(
            "Verification",
            "Held against the real server and its files.",
            "<div class=\"words\">\(Markup.table(["what", "verdict", "found"], rows))</div>"
        )
    }

    private static func setting(_ report: RunReport) -> String? {
        guard !report.setting.isEmpty else { return nil }
        let rows = report.setting.map { [$0.name, $0.value] }
        return Markup.section(
            "Setting",
            "What ran, and how.",
            "<div class=\"words\">\(Markup.table(["what", "how"], rows))</div>"
        )
    }
}
