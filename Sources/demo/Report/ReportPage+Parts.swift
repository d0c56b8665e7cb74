import PostgresWAL

// What the bytes are, and where they went.

extension ReportPage {
    static func shards(_ report: RunReport) -> String? {
        guard !report.shards.isEmpty else { return nil }
        let raw = BarChart.Bar(
            name: "raw WAL",
            value: Double(report.rawBytes),
            text: Quantity.bytes(report.rawBytes)
        )
        let bars = report.shards.map { shard in
            BarChart.Bar(name: "shard \(shard.name)", value: Double(shard.bytes), text: Quantity.bytes(shard.bytes))
        }
        let chart = BarChart(label: "Bytes sent to each shard, and the raw WAL", bars: [raw] + bars)
        let rows = report.shards.map { shard in
            [
                "shard \(shard.name)", Quantity.count(shard.bytes),
                shard.records.map { Quantity.count($0) } ?? "–",
                shard.bytes == 0 ? "–" : "\(Quantity.significant(Double(report.rawBytes) / Double(shard.bytes))) ×",
                "\(shard.lastRecord)",
            ]
        }
        return Markup.section(
            "Bytes to each shard",
            "As they went over the wire. Without interpretation each shard would be sent all of the raw WAL.",
            chart.horizontal
                + Markup.table(["", "bytes", "records", "raw WAL is", "last record"], rows)
        )
    }

    static func layouts(_ report: RunReport) -> String? {
        guard !report.layouts.isEmpty else { return nil }
        func factor(_ layout: RunReport.Layout) -> Double {
            Double(report.rawBytes) * Double(layout.shardCount) / Double(max(layout.bytes, 1))
        }
        let bars = report.layouts.map { layout in
            BarChart.Bar(
                name: layout.shardCount == 1 ? "1 shard" : "\(layout.shardCount) shards",
                value: factor(layout),
                text: "\(Quantity.significant(factor(layout))) ×"
            )
        }
        let chart = BarChart(label: "How many times less is sent than raw WAL to every shard", bars: bars)
        let rows = report.layouts.map { layout in
            [
                "\(layout.shardCount)", Quantity.bytes(report.rawBytes * UInt64(layout.shardCount)),
                Quantity.bytes(layout.bytes), Quantity.bytes(layout.largest),
                "\(Quantity.significant(factor(layout))) ×",
            ]
        }
        return Markup.section(
            "The same WAL for other numbers of shards",
            "Interpreted once, routed, compressed: worked out from the WAL files behind the run, not sent to anyone.",
            chart.horizontal
                + Markup.table(["shards", "raw WAL to every shard", "sent to all", "to the largest", "less"], rows)
        )
    }

    static func latency(_ report: RunReport) -> String? {
        let latency = report.latency
        guard latency.count > 0 else { return nil }
        let bars = latency.buckets.map { bucket in
            BarChart.Bar(
                name: Quantity.milliseconds(bucket.from),
                value: Double(bucket.count),
                text: "\(Quantity.count(bucket.count)) transactions below \(Quantity.milliseconds(bucket.to))"
            )
        }
        let chart = BarChart(label: "How many transactions took how long", bars: bars)
        let rows = [("half", 0.5), ("90 of 100", 0.9), ("99 of 100", 0.99), ("999 of 1000", 0.999), ("all", 1.0)].map {
            [$0.0, latency.quantile($0.1).map(Quantity.milliseconds) ?? "–"]
        }
        return Markup.section(
            "Latency of transactions",
            "\(Quantity.count(latency.count)) transactions of pgbench, each as its client saw it, COMMIT included.",
            chart.vertical + Markup.table(["of all transactions", "took at most"], rows)
        )
    }

    static func kinds(_ report: RunReport) -> String? {
        guard !report.kinds.isEmpty else { return nil }
        let total = max(report.kinds.reduce(0) { $0 + $1.bytes }, 1)
        func share(_ kind: RunReport.Kind) -> String {
            "\(Quantity.significant(Double(kind.bytes) / Double(total) * 100)) %"
        }
        let sorted = report.kinds.sorted { ($1.bytes, $0.name) < ($0.bytes, $1.name) }
        let bars = sorted.map { kind in
            BarChart.Bar(
                name: kind.name,
                value: Double(kind.bytes),
                text: "\(Quantity.bytes(UInt64(kind.bytes))), \(share(kind))"
            )
        }
        let rows = sorted.map { kind in
            [
                kind.name, Quantity.count(kind.records), Quantity.count(kind.bytes),
                Quantity.count(kind.bytes / max(kind.records, 1)), share(kind),
            ]
        }
        return Markup.section(
            "What the WAL is made of",
            "Records by resource manager, page images included.",
            BarChart(label: "Bytes of WAL by resource manager", bars: bars).horizontal
                + Markup.table(["resource manager", "records", "bytes", "bytes a record", "share"], rows)
        )
    }
}
