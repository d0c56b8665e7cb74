import PostgresWAL
import Testing
import demo

@Suite("The report's figures")
struct RunReportTests {
    private func sample(_ seconds: Double, _ end: UInt64, _ shards: [(UInt64, UInt64)]) -> RunReport.Sample {
        RunReport.Sample(
            seconds: seconds,
            serverEnd: LSN(end),
            commit: LSN(end),
            safekeepers: [],
            shards: shards.map { .init(lastRecord: LSN($0.0), receivedBytes: $0.1) }
        )
    }

    @Test("Rates are differences over time; a pageserver that doesn't answer leaves a gap, not a zero")
    func rates() {
        var report = RunReport(title: "")
        report.samples = [
            sample(0, 1_000_000, [(1, 0), (1, 500_000)]), sample(2, 5_000_000, [(1, 1_000_000), (1, 1_500_000)]),
            sample(3, 5_500_000, []), sample(3.1, 9_000_000, [(1, 0), (1, 0)]),
            sample(4, 6_500_000, [(1, 0), (1, 0)]),
        ]
        let rates = report.rates
        #expect(rates.map(\.seconds) == [2, 3, 4])
        #expect(rates.map(\.written) == [2, 0.5, 1])
        #expect(rates.map(\.sent) == [1, nil, nil])
    }

    @Test("Lag is what the server has and the shard hasn't, never below zero")
    func lag() {
        var report = RunReport(title: "")
        #expect(report.largestLag == nil)
        report.samples = [sample(0, 1000, [(900, 0), (1200, 0)])]
        #expect(report.samples[0].lag(ofShard: 0) == 100)
        #expect(report.samples[0].lag(ofShard: 1) == 0)
        #expect(report.samples[0].lag(ofShard: 2) == nil)
        #expect(report.largestLag == 100)
    }

    @Test("The factor compares with the raw WAL to each shard")
    func factor() {
        var report = RunReport(title: "")
        #expect(report.factor == nil)
        report.rawBytes = 1000
        report.shards = [
            .init(name: "0002", bytes: 100, records: 1, lastRecord: LSN(1)),
            .init(name: "0102", bytes: 150, records: nil, lastRecord: LSN(1)),
        ]
        #expect(report.sentBytes == 250)
        #expect(report.factor == 8)
    }

    @Test("Nothing verified is not passed")
    func passed() {
        var report = RunReport(title: "")
        #expect(!report.passed)
        report.checks = [.init("a", passed: true, detail: "")]
        #expect(report.passed)
        report.checks.append(.init("b", passed: false, detail: ""))
        #expect(!report.passed)
    }
}

@Suite("The distribution of latencies")
struct LatencyDistributionTests {
    @Test("Quantiles are times that were measured")
    func quantiles() {
        let times = LatencyDistribution(microseconds: [5000, 1000, 3000, 2000, 4000])
        #expect(times.quantile(0) == 1)
        #expect(times.quantile(0.5) == 3)
        #expect(times.quantile(0.9) == 5)
        #expect(times.quantile(1) == 5)
        #expect(LatencyDistribution(microseconds: []).quantile(0.5) == nil)
        #expect(LatencyDistribution(microseconds: []).buckets.isEmpty)
    }

    @Test("Each time is in one bucket, of the right range", arguments: [1, 2, 3, 4, 1023, 1024, 1025, 999_999_937])
    func buckets(time: UInt64) throws {
        let buckets = LatencyDistribution(microseconds: [0, time]).buckets
        #expect(buckets.map(\.count).reduce(0, +) == 2)
        let last = try #require(buckets.last)
        #expect(last.count >= 1)
        #expect(last.from <= Double(time) / 1000 && Double(time) / 1000 < last.to)
        for (one, next) in zip(buckets, buckets.dropFirst()) { #expect(one.to == next.from) }
    }

    @Test("pgbench's log: whole lines count, a cut one doesn't")
    func log() {
        let texts = ["0 1 2500 0 1700000000 123\n0 2 1500 0 1700000000 456\n0 3 99", "1 1 500 0 1700000001 1\n"]
        let times = LatencyDistribution(pgbenchLogs: texts)
        #expect(times.count == 3)
        #expect(times.quantile(1) == 2.5)
    }
}

@Suite("Scales and numbers")
struct ScaleTests {
    @Test("Marks are round, few, and reach the largest value", arguments: [0.0003, 0.7, 1, 9.99, 10, 10.01, 250, 7e6])
    func scale(largest: Double) throws {
        let scale = ChartScale(largest: largest)
        #expect(scale.limit >= largest * 0.999_999)
        #expect(scale.limit < largest + scale.step * 1.01)
        #expect((3...7).contains(scale.marks.count), "\(scale.marks)")
        #expect(scale.marks.first == 0)
        #expect(abs(try #require(scale.marks.last) - scale.limit) < scale.step / 1000)
    }

    @Test("What is no size has a scale all the same", arguments: [0, -1, Double.nan, .infinity])
    func nothing(largest: Double) {
        #expect(ChartScale(largest: largest).limit == 1)
    }

    @Test("Numbers as people read them")
    func numbers() {
        #expect(Quantity.bytes(0) == "0 B")
        #expect(Quantity.bytes(999) == "999 B")
        #expect(Quantity.bytes(1000) == "1 kB")
        #expect(Quantity.bytes(999_600) == "1 MB")
        #expect(Quantity.bytes(12_345_678) == "12.3 MB")
        #expect(Quantity.bytes(.max) == "18446744 TB")
        #expect(Quantity.count(1_234_567) == "1\u{202F}234\u{202F}567")
        #expect(Quantity.count(-100) == "-100")
        #expect(Quantity.milliseconds(0.4249) == "0.42 ms")
        #expect(Quantity.milliseconds(1800) == "1.8 s")
    }
}
