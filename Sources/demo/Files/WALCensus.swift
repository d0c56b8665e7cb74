import Foundation
import PostgresWAL
import WALFiles

/// Counts what a range of WAL holds, by resource manager.
struct WALCensus: CustomStringConvertible {
    private(set) var records = 0
    private(set) var blocks = 0
    private var rows: [String: (records: Int, bytes: Int)] = [:]

    init(_ walk: WALWalk) throws {
        var counts = [(records: Int, bytes: Int)](repeating: (0, 0), count: 256)
        var blocks = 0
        _ = try walk.run { record, parsed in
            blocks += parsed.blockCount
            counts[Int(record.resourceManager.rawValue)].records += 1
            counts[Int(record.resourceManager.rawValue)].bytes += record.bytes.byteCount
        }
        self.blocks = blocks
        records = counts.reduce(0) { $0 + $1.records }
        for (id, count) in counts.enumerated() where count.records > 0 {
            rows[ResourceManager(rawValue: UInt8(id)).name] = count
        }
    }

    /// The same for the report.
    var kinds: [RunReport.Kind] {
        rows.map { RunReport.Kind(name: $0.key, records: $0.value.records, bytes: $0.value.bytes) }
    }

    /// A table, the largest first, with a bar for each resource manager's share of the bytes.
    var description: String {
        let total = max(rows.values.reduce(0) { $0 + $1.bytes }, 1)
        let lines = rows.sorted { $0.value.bytes > $1.value.bytes }.map { name, row in
            let share = Double(row.bytes) / Double(total)
            let bar = String(repeating: "#", count: Int((share * 40).rounded(.up)))
            let label = name.padding(toLength: 18, withPad: " ", startingAt: 0)
            return String(format: "  \(label) %9d records %11d bytes  \(bar)", row.records, row.bytes)
        }
        return lines.joined(separator: "\n")
    }
}
