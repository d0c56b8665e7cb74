import PostgresWAL
import Testing
import demo

@Suite("What stays where it is")
struct SteadinessTests {
    /// A value each second.
    private func points(_ count: Int, _ value: (Int) -> Double) -> [(seconds: Double, value: Double)] {
        (0..<count).map { (Double($0), value($0)) }
    }

    /// A report with a value of memory, or none, each half second of ten minutes under the same load.
    private func report(_ name: String = "pageserver", _ value: (Double) -> UInt64?) -> RunReport {
        var report = RunReport(title: "")
        report.samples = (0...1400).map { step in
            let seconds = Double(step) / 2
            return RunReport.Sample(
                seconds: seconds,
                serverEnd: LSN(1 << 40),
                commit: LSN(1 << 40),
                safekeepers: [],
                shards: [.init(lastRecord: LSN((1 << 40) - (value(seconds) ?? 0)), receivedBytes: 0)],
                resident: value(seconds).map { [name: $0] } ?? [:]
            )
        }
        report.steady = 50...650
        return report
    }

    @Test("Means are of equal times, not of equal numbers of values")
    func thirds() throws {
        var uneven = points(60) { Double($0) }
        uneven.removeAll { $0.seconds > 20 && $0.seconds < 40 && $0.seconds != 30 }
        let thirds = try #require(Thirds(uneven))
        #expect(thirds.means == [9.5, 25, 49.5])
        #expect(thirds.largest == 59)
    }

    @Test("Too little to tell is nothing")
    func tooFew() {
        #expect(Thirds(points(29) { _ in 1 }) == nil)
        #expect(Thirds(points(30) { _ in 1 }) != nil)
        #expect(Thirds(points(90) { _ in 1 }.filter { !(30..<60).contains($0.seconds) }) == nil)
        #expect(Thirds([]) == nil)
    }

    @Test("What fills up and then stays is flat, what goes on growing is not")
    func judged() {
        let filling = report { UInt64(200e6 * min($0 / 150, 1)) }
        #expect(filling.steadinessChecks().map(\.passed) == [true, true], "\(filling.steadinessChecks())")
        // 0.3 MB a second: 60 MB from third to third.
        let growing = report { UInt64(200e6 + $0 * 300_000) }
        let checks = growing.steadinessChecks()
        #expect(checks.map(\.passed) == [false, true], "\(checks)")
        #expect(checks[0].name == "memory of pageserver")
        let lagging = report { UInt64(1e6 + $0 * 100_000) }
        #expect(lagging.steadinessChecks().last?.passed == false)
        // A saw has the same means everywhere.
        let saw = report { UInt64(100e6 + $0.truncatingRemainder(dividingBy: 40) * 3e6) }
        #expect(saw.steadinessChecks().map(\.passed) == [true, true], "\(saw.steadinessChecks())")
    }

    @Test("A process counts from its last start, within the steady time")
    func restarted() throws {
        let report = report { seconds in
            if seconds < 50 || seconds > 650 { return 900_000_000 }
            if (250..<450).contains(seconds) { return nil }
            return seconds < 250 ? 400_000_000 : 50_000_000
        }
        #expect(report.memoryThirds(of: "pageserver")?.means == [50e6, 50e6, 50e6])
        #expect(report.processes == ["pageserver"])
    }

    @Test("What can't be told is wrong")
    func unknown() {
        var silent = report { _ in 1 }
        silent.steady = nil
        #expect(silent.steadinessChecks().map(\.passed) == [false, false])
    }
}
