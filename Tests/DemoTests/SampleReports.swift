import PostgresWAL
import Testing
import demo

/// All that is in a report would fill a hundred kilobytes of the tests' output.
extension RunReport: CustomTestStringConvertible {
    package var testDescription: String { "\(title), \(shards.count) shards" }
}

extension RunReport {
    /// A run as one could have been: safekeeper 3 is away for a while.
    static func sample(shards count: Int = 4, title: String = "A run") -> RunReport {
        var report = RunReport(title: title)
        report.rawBytes = 120_000_000
        report.setting = [Fact("PostgreSQL", "15"), Fact("protocol", "interpreted, protobuf, zstd level 1")]
        report.samples = (0...40).map { step in
            let end = LSN(0x200_0000 + UInt64(step) * 3_000_000)
            let behind = UInt64(step % 7) * 200_000
            return Sample(
                seconds: Double(step) / 2,
                serverEnd: end,
                commit: end,
                safekeepers: [end, end, (14..<26).contains(step) ? nil : end],
                shards: (0..<count).map { shard in
                    Sample.Shard(
                        lastRecord: LSN(end.rawValue - min(behind * UInt64(shard), UInt64(step) * 3_000_000)),
                        receivedBytes: UInt64(step) * 150_000 * UInt64(shard + 1)
                    )
                },
                resident: [
                    "PostgreSQL": 150_000_000, "pageserver": 200_000_000 + UInt64(step % 5) * 1_000_000,
                    "safekeeper 3": (14..<26).contains(step) ? nil : 20_000_000,
                ].compactMapValues { $0 }
            )
        }
        report.steady = 0...20
        report.events = [
            Event(seconds: 7, text: "safekeeper 3 killed with -9"), Event(seconds: 13, text: "safekeeper 3 is back"),
        ]
        report.shards = (0..<count).map { shard in
            Shard(
                name: "0\(shard)0\(count)",
                bytes: 6_000_000 * UInt64(shard + 1),
                records: 400_000,
                lastRecord: LSN(0x93A_0000)
            )
        }
        report.layouts = [1, 8, 32].map { Layout(shardCount: $0, bytes: 18_000_000, largest: 9_000_000) }
        report.latency = LatencyDistribution(microseconds: (1...5000).map { 400 + $0 * $0 % 9_000 })
        report.kinds = [
            Kind(name: "Heap", records: 400_000, bytes: 30_000_000), Kind(name: "Btree", records: 9, bytes: 700_000),
        ]
        report.checks = [
            Check("last record", passed: true, detail: "all shards at 0/93A0000"),
            Check("relations", passed: true, detail: "312 compared"),
        ]
        return report
    }
}
