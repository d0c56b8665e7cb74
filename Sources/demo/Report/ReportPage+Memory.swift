// Memory over time.

extension ReportPage {
    static func memory(_ report: RunReport) -> String? {
        let processes = report.processes
        guard !processes.isEmpty else { return nil }
        let chart = LineChart(
            label: "Megabytes that each process has resident, over time",
            unit: "MB",
            series: processes.map { process in
                .init(
                    name: process,
                    points: report.memory(of: process).map { ($0.seconds, $0.value.map { $0 / 1e6 }) }
                )
            },
            events: report.events
        )
        let rows = processes.map { process in
            let values = report.memory(of: process).compactMap(\.value)
            let thirds = report.memoryThirds(of: process)?.means.map { Quantity.bytes(UInt64($0)) }
            return [
                process, values.max().map { Quantity.bytes(UInt64($0)) } ?? "–",
                values.last.map { Quantity.bytes(UInt64($0)) } ?? "–",
            ] + (thirds ?? ["–", "–", "–"])
        }
        return Markup.section(
            "Memory",
            "What each process has resident; the server's processes together, what they share counted once. Thirds are of "
                + "the time under pgbench, since the process was started last.",
            chart.svg
                + Markup.table(["", "largest", "at the end", "first third", "middle third", "last third"], rows)
        )
    }
}
