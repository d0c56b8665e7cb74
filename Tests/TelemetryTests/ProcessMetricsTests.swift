import Telemetry
import Testing

@Suite("Process metrics")
struct ProcessMetricsTests {
    @Test func areThereAndPlausible() async throws {
        let registry = PrometheusRegistry()
        let process = ProcessMetrics(revision: "git:abc", buildTag: "build_tag:7")
        registry.addCollector { process.collect(into: &$0) }
        let parsed = try #require(ParsedExposition(await registry.exposition()))
        func value(_ name: String) -> Double { parsed[name].flatMap { Double($0) } ?? .nan }
        #expect(value("process_resident_memory_bytes") > 1_000_000)
        #expect(value("process_virtual_memory_bytes") > value("process_resident_memory_bytes"))
        #expect(value("libmetrics_maxrss_kb") * 1024 >= value("process_resident_memory_bytes") / 2)
        #expect(value("process_cpu_seconds_total") >= 0)
        #expect(value("process_threads") >= 1)
        #expect(value("process_open_fds") >= 3)
        #expect(value("process_max_fds") >= value("process_open_fds"))
        let now = Double(LogTime.now.microseconds) / 1e6
        #expect(value("process_start_time_seconds") > now - 86400 && value("process_start_time_seconds") < now + 2)
        #expect(parsed["libmetrics_build_info", ["revision": "git:abc", "build_tag": "build_tag:7"]] == "1")
        #expect(parsed["libmetrics_disk_io_bytes_total", ["io_operation": "read"]] != nil)
        #expect(parsed["libmetrics_disk_io_bytes_total", ["io_operation": "write"]] != nil)
    }
}
