import CoreMetrics
import Telemetry
import TestFixtures
import Testing

@Suite("Prometheus registry")
struct RegistryTests {
    private let catalogue = MetricCatalogue([
        "wal_bytes": .init("Bytes in a write\nsecond line, \\", buckets: [1, 10, 0.5e6]),
        "flush_seconds": .init("Time of a flush"),
        "queries_total": .init("Queries"),
    ])

    @Test func goldenText() async {
        let registry = PrometheusRegistry(catalogue: catalogue)
        Counter(label: "queries_total", dimensions: [("query", "b")], factory: registry).increment(by: 7)
        Counter(label: "queries_total", dimensions: [("query", "a\\b\"c\nd"), ("app", "ü")], factory: registry)
            .increment()
        let sizes = Recorder(label: "wal_bytes", dimensions: [("shard", "0")], aggregate: true, factory: registry)
        for size in [0, 1, 2, 10, 11, 1_000_000] { sizes.record(size) }
        Meter(label: "lsn", factory: registry).set(Int64(1) << 52)
        Gauge(label: "ratio", factory: registry).record(0.25)
        FloatingPointCounter(label: "cpu.seconds", factory: registry).increment(by: 1.5)
        registry.addCollector { exposition in
            exposition.metric("asked", .gauge, help: nil) {
                $0.sample(.integer(.max), labels: MetricLabels([("le", "x"), ("0-1", "y")]))
                $0.sample(.real(-.infinity))
            }
            exposition.metric("ratio", .gauge, help: "the second of that name", .real(7))
        }
        let expected = #"""
            # TYPE cpu_seconds counter
            cpu_seconds 1.5
            # TYPE lsn gauge
            lsn 4503599627370496
            # HELP queries_total Queries
            # TYPE queries_total counter
            queries_total{app="ü",query="a\\b\"c\nd"} 1
            queries_total{query="b"} 7
            # TYPE ratio gauge
            ratio 0.25
            # HELP wal_bytes Bytes in a write\nsecond line, \\
            # TYPE wal_bytes histogram
            wal_bytes_bucket{shard="0",le="1"} 2
            wal_bytes_bucket{shard="0",le="10"} 4
            wal_bytes_bucket{shard="0",le="500000"} 5
            wal_bytes_bucket{shard="0",le="+Inf"} 6
            wal_bytes_sum{shard="0"} 1000024
            wal_bytes_count{shard="0"} 6
            # TYPE asked gauge
            asked{_0_1="y",exported_le="x"} 18446744073709551615
            asked -Inf

            """#
        let exposition = await registry.exposition()
        #expect(String(decoding: exposition.bytes, as: UTF8.self) == expected)
        let parsed = ParsedExposition(exposition)
        #expect(parsed?["queries_total", ["app": "ü", "query": "a\\b\"c\nd"]] == "1")
    }

    @Test func timesAreInSecondsAndBucketsAreCumulative() async throws {
        let registry = PrometheusRegistry(catalogue: catalogue)
        let timer = Timer(label: "flush_seconds", factory: registry)
        timer.recordMilliseconds(1)
        timer.recordNanoseconds(1_000_001)
        timer.recordSeconds(31)
        let parsed = try #require(ParsedExposition(await registry.exposition()))
        #expect(parsed.types == ["flush_seconds": "histogram"])
        let counts = MetricCatalogue.defaultBuckets.map { bound in
            parsed["flush_seconds_bucket", ["le": bound == bound.rounded() ? "\(Int(bound))" : "\(bound)"]]
        }
        #expect(counts == ["1", "2", "2", "2", "2", "2", "2", "2", "2", "2"])
        #expect(parsed["flush_seconds_bucket", ["le": "+Inf"]] == "3")
        #expect(parsed["flush_seconds_count"] == "3")
        #expect(abs((parsed["flush_seconds_sum"].flatMap(Double.init) ?? 0) - 31.002000001) < 1e-9)
    }

    @Test func countersNeverFallAndNotANumberIsLeftOut() async throws {
        let registry = PrometheusRegistry()
        let counter = Counter(label: "a", factory: registry)
        counter.increment(by: 3)
        counter.increment(by: -5)
        let real = FloatingPointCounter(label: "b", factory: registry)
        for amount in [0.5, -1, .nan, .infinity, 0.25] { real.increment(by: amount) }
        let recorder = Recorder(label: "c", factory: registry)
        recorder.record(Double.nan)
        recorder.record(2.0)
        let meter = Meter(label: "d", factory: registry)
        meter.set(5)
        meter.increment(by: 2.5)
        meter.decrement(by: 0.5)
        let parsed = try #require(ParsedExposition(await registry.exposition()))
        #expect(parsed["a"] == "3" && parsed["b"] == "0.75" && parsed["c_count"] == "1" && parsed["d"] == "7")
        counter.reset()
        #expect(ParsedExposition(await registry.exposition())?["a"] == "0")
    }

    @Test func sameNameAndLabelsAreOneSeriesUntilDestroyed() async {
        let registry = PrometheusRegistry()
        let first = Counter(label: "a", dimensions: [("x", "1"), ("y", "2")], factory: registry)
        let second = Counter(label: "a", dimensions: [("y", "2"), ("x", "1")], factory: registry)
        first.increment()
        second.increment()
        #expect(ParsedExposition(await registry.exposition())?["a", ["x": "1", "y": "2"]] == "2")
        first.destroy()
        #expect(await registry.exposition().bytes.isEmpty)
        let third = Counter(label: "a", dimensions: [("x", "1"), ("y", "2")], factory: registry)
        third.increment()
        second.destroy()
        #expect(
            ParsedExposition(await registry.exposition())?["a", ["x": "1", "y": "2"]] == "1",
            "what was destroyed before must not take its successor along"
        )
    }

    @Test func everyKindCanBeDestroyed() async {
        let registry = PrometheusRegistry()
        let counter = FloatingPointCounter(label: "a", factory: registry)
        let meter = Meter(label: "b", factory: registry)
        let gauge = Gauge(label: "c", factory: registry)
        let recorder = Recorder(label: "d", factory: registry)
        let timer = Timer(label: "e", factory: registry)
        #expect(ParsedExposition(await registry.exposition())?.types.count == 5)
        counter.destroy()
        meter.destroy()
        gauge.destroy()
        recorder.destroy()
        timer.destroy()
        #expect(await registry.exposition().bytes.isEmpty)
    }

    @Test func surplusSeriesAreCountedTogether() async throws {
        let catalogue = MetricCatalogue(["b": .init("Has more than others", maximumSeries: 5)])
        let registry = PrometheusRegistry(catalogue: catalogue, limits: .init(metrics: 2, seriesPerMetric: 3))
        for client in 0..<10 {
            let counter = Counter(label: "a", dimensions: [("app", "\(client)"), ("dir", "x")], factory: registry)
            counter.increment()
            if client > 5 { counter.destroy() }
        }
        Counter(label: "b", factory: registry).increment()
        for number in 0..<4 { Counter(label: "b", dimensions: [("n", "\(number)")], factory: registry).increment() }
        Counter(label: "beyond", factory: registry).increment()
        Meter(label: "b", factory: registry).set(9)
        FloatingPointCounter(label: "b", factory: registry).increment(by: 0.5)
        let parsed = try #require(ParsedExposition(await registry.exposition()))
        #expect(parsed["a", ["app": "2", "dir": "x"]] == "1")
        #expect(parsed["a", ["app": "other", "dir": "other"]] == "7")
        #expect(parsed["b"] == "1")
        #expect(parsed["telemetry_surplus_series_total"] == "9")
        #expect(parsed.samples.count == 10)
    }

    @Test func longLabelValuesAreCut() async throws {
        let registry = PrometheusRegistry()
        Counter(label: "a", dimensions: [("app", String(repeating: "ü", count: 1000))], factory: registry).increment()
        let parsed = try #require(ParsedExposition(await registry.exposition()))
        let value = try #require(parsed.samples.first?.labels["app"])
        #expect(value == String(repeating: "ü", count: MetricLabels.maximumValueLength / 2))
    }

    @Test func countingFromManyTasksLosesNothing() async throws {
        let registry = PrometheusRegistry(catalogue: catalogue)
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    let shared = Counter(label: "shared", factory: registry)
                    let sum = FloatingPointCounter(label: "sum", factory: registry)
                    let meter = Meter(label: "level", factory: registry)
                    let sizes = Recorder(label: "wal_bytes", factory: registry)
                    for round in 0..<2000 {
                        shared.increment()
                        sum.increment(by: 0.5)
                        meter.increment(by: 3)
                        sizes.record(round % 20)
                        let own = Counter(label: "own", dimensions: [("task", "\(task)")], factory: registry)
                        own.increment()
                        if round % 100 == 0 { _ = await registry.exposition() }
                        own.destroy()
                        meter.decrement(by: 3)
                    }
                }
            }
        }
        let parsed = try #require(ParsedExposition(await registry.exposition()))
        #expect(parsed["shared"] == "16000" && parsed["sum"] == "8000" && parsed["level"] == "0")
        #expect(parsed["wal_bytes_count"] == "16000" && parsed["wal_bytes_sum"] == "152000")
        #expect(parsed["wal_bytes_bucket", ["le": "1"]] == "1600")
        #expect(parsed.types["own"] == nil)
    }

    @Test func whateverLabelsAreTheTextStaysReadable() async throws {
        for seed in 0..<200 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            let registry = PrometheusRegistry()
            func text() -> String { String(decoding: random.bytes(upTo: 12), as: UTF8.self) }
            for _ in 0..<5 {
                Counter(label: text(), dimensions: [(text(), text()), (text(), text())], factory: registry).increment()
            }
            #expect(ParsedExposition(await registry.exposition()) != nil, "seed \(seed)")
        }
    }
}
