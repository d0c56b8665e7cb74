import Foundation
import PostgresWAL

/// Counts and sizes of records for each resource manager.
struct RecordStatistics {
    struct Row {
        var count: UInt64 = 0
        /// Bytes without page images.
        var recordBytes: UInt64 = 0
        var imageBytes: UInt64 = 0
        var combinedBytes: UInt64 { recordBytes + imageBytes }
    }

    private(set) var rows = [Row](repeating: Row(), count: 256)
    private(set) var start: LSN?
    private(set) var end = LSN.invalid

    mutating func add(_ record: borrowing WALRecord, _ parsed: borrowing ParsedRecord) {
        let images = parsed.imageBytes
        let index = Int(record.resourceManager.rawValue)
        rows[index].count += 1
        rows[index].recordBytes += UInt64(record.bytes.byteCount - images)
        rows[index].imageBytes += UInt64(images)
        if start == nil { start = record.start }
        end = record.next
    }

    var total: Row {
        rows.reduce(into: Row()) { sum, row in
            sum.count += row.count
            sum.recordBytes += row.recordBytes
            sum.imageBytes += row.imageBytes
        }
    }
}

extension TextBuffer {
    /// Appends the table that `pg_waldump --stats` prints, column for column.
    mutating func appendTable(_ statistics: RecordStatistics) throws {
        guard let start = statistics.start else {
            append("no records")
            return try endLine()
        }
        append("WAL statistics between \(start) and \(statistics.end):")
        try endLine()
        try appendCells(
            "Type",
            ["N", "Record size", "FPI size", "Combined size"],
            details: Array(repeating: "     (%)", count: 4)
        )
        try appendCells(
            "----",
            ["-", "-----------", "--------", "-------------"],
            details: Array(repeating: "     ---", count: 4)
        )
        let total = statistics.total
        for (index, row) in statistics.rows.enumerated() {
            let manager = ResourceManager(rawValue: UInt8(index))
            guard index < ResourceManager.builtIn.count || row.count > 0 else { continue }
            let cells = [row.count, row.recordBytes, row.imageBytes, row.combinedBytes]
            let sums = [total.count, total.recordBytes, total.imageBytes, total.combinedBytes]
            try appendCells(
                manager.name,
                cells.map(String.init),
                details: zip(cells, sums).map { "(\(padded(percentage($0, of: $1), to: 6)))" }
            )
        }
        try appendCells("", Array(repeating: "--------", count: 4), details: Array(repeating: "        ", count: 3))
        try appendCells(
            "Total",
            [total.count, total.recordBytes, total.imageBytes, total.combinedBytes].map(String.init),
            details: [
                "        ", "[\(percentage(total.recordBytes, of: total.combinedBytes))%]",
                "[\(percentage(total.imageBytes, of: total.combinedBytes))%]", "[100%]",
            ]
        )
    }

    private mutating func appendCells(_ name: String, _ cells: [String], details: [String]) throws {
        append(name, filledTo: 27)
        for (index, cell) in cells.enumerated() {
            appendPadded(cell, width: 21)
            if index < details.count { append(" \(details[index])") }
        }
        try endLine()
    }

    private func percentage(_ part: UInt64, of whole: UInt64) -> String {
        String(format: "%.02f", whole == 0 ? 0 : 100 * Double(part) / Double(whole))
    }

    private func padded(_ text: String, to width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.utf8.count)) + text
    }
}
