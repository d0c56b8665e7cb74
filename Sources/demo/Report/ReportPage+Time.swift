import PostgresWAL

// Charts over time.

extension ReportPage {
    static func throughput(_ report: RunReport) -> String? {
        let rates = report.rates
        guard !rates.isEmpty else { return nil }
        let chart = LineChart(
            label: "Megabytes a second over time: WAL written, and bytes sent to all shards",
            unit: "MB/s",
            series: [
                .init(name: "WAL written by the server", points: rates.map { ($0.seconds, $0.written) }),
                .init(name: "sent to all shards together", points: rates.map { ($0.seconds, $0.sent) }),
            ],
            events: report.events
        )
        let rows = thinned(rates).map { rate in
            [
                Quantity.significant(rate.seconds), Quantity.significant(rate.written),
                rate.sent.map(Quantity.significant) ?? "–",
            ]
        }
        return Markup.section(
            "Throughput",
            "What goes in as WAL, and what comes out for the shards.",
            chart.svg + Markup.table(["seconds", "WAL written, MB/s", "sent to all shards, MB/s"], rows)
        )
    }

    static func lag(_ report: RunReport) -> String? {
        guard let count = report.samples.map(\.shards.count).max(), count > 0 else { return nil }
        let series: [LineChart.Series]
        if count <= LineChart.colourCount {
            series = (0..<count).map { index in
                .init(
                    name: "shard \(index)",
                    points: report.samples.map { ($0.seconds, $0.lag(ofShard: index).map { Double($0) / 1e6 }) }
                )
            }
        } else {
            // So many lines could not be told apart.
            series = [("largest", 1.0), ("median", 0.5), ("smallest", 0.0)].map { name, part in
                .init(
                    name: "\(name) of \(count) shards",
                    points: report.samples.map { sample in
                        let lags = sample.shards.indices.compactMap { sample.lag(ofShard: $0) }.sorted()
                        let place = Int(part * Double(max(lags.count - 1, 0)))
                        return (sample.seconds, lags.isEmpty ? nil : Double(lags[place]) / 1e6)
                    }
                )
            }
        }
        let chart = LineChart(
            label: "Megabytes of WAL that each shard has not ingested, over time",
            unit: "MB",
            series: series,
            events: report.events
        )
        let rows = (0..<count).map { index in
            let lags = report.samples.compactMap { $0.lag(ofShard: index) }.sorted()
            return [
                "shard \(index)", lags.isEmpty ? "–" : Quantity.bytes(lags[lags.count / 2]),
                lags.last.map(Quantity.bytes) ?? "–",
                report.samples.last?.lag(ofShard: index).map(Quantity.bytes) ?? "–",
            ]
        }
        return Markup.section(
            "Lag of each shard",
            "WAL that the server has flushed and the shard has not ingested yet.",
            chart.svg + Markup.table(["", "median", "largest", "at the end"], rows)
        )
    }

    static func quorum(_ report: RunReport) -> String? {
        guard let count = report.samples.map(\.safekeepers.count).max(), count > 0 else { return nil }
        func behind(_ sample: RunReport.Sample, _ lsn: LSN?) -> UInt64? {
            lsn.map { sample.serverEnd.distance(from: $0) ?? 0 }
        }
        func position(_ sample: RunReport.Sample, _ index: Int) -> LSN? {
            sample.safekeepers.indices.contains(index) ? sample.safekeepers[index] : nil
        }
        var series = (0..<count).prefix(LineChart.colourCount - 1).map { index in
            LineChart.Series(
                name: "safekeeper \(index + 1)",
                points: report.samples.map { sample in
                    (sample.seconds, behind(sample, position(sample, index)).map { Double($0) / 1e6 })
                }
            )
        }
        series.append(
            .init(
                name: "the quorum",
                points: report.samples.map { sample in
                    (sample.seconds, behind(sample, sample.commit).map { Double($0) / 1e6 })
                }
            )
        )
        let chart = LineChart(
            label: "Megabytes of WAL that each safekeeper does not have on disk, over time",
            unit: "MB",
            series: series,
            events: report.events
        )
        let rows = (0..<count).map { index in
            let known = report.samples.compactMap { behind($0, position($0, index)) }
            return [
                "safekeeper \(index + 1)", known.max().map(Quantity.bytes) ?? "–",
                known.last.map(Quantity.bytes) ?? "–", "\(report.samples.count - known.count)",
            ]
        }
        let quorum = report.samples.compactMap { behind($0, $0.commit) }
        let last = [
            "the quorum", quorum.max().map(Quantity.bytes) ?? "–", quorum.last.map(Quantity.bytes) ?? "–", "0",
        ]
        return Markup.section(
            "Safekeepers",
            "WAL that the server has flushed and a safekeeper does not have on disk yet. A gap: it gave no answer.",
            chart.svg
                + Markup.table(["", "largest distance", "at the end", "times without an answer"], rows + [last])
        )
    }

    /// At most twenty of many rows, evenly spread, the last one among them.
    private static func thinned(_ rates: [RunReport.Rate]) -> [RunReport.Rate] {
        let every = (rates.count + 19) / 20
        return rates.enumerated().filter { (rates.count - 1 - $0.offset).isMultiple(of: max(every, 1)) }.map(\.element)
    }
}
