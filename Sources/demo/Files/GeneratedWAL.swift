import Foundation
import PostgresWAL
import WALFiles

/// Segment files with the WAL of a bulk load as PostgreSQL 16 would write it, made without PostgreSQL.
struct GeneratedWAL {
    let start: LSN
    let end: LSN
    /// How many records there are.
    let records: Int

    /// Writes the segments into a folder.
    init(rows: Int, in folder: String) throws {
        let size = WALSegmentSize.standard
        start = LSN(size.bytes)
        var generator = try WALGenerator(
            HeapInserts(rows: rows),
            version: .v16,
            segmentSize: size,
            systemIdentifier: 0x1234_5678,
            startingAt: start
        )
        var segment: [UInt8] = []
        var number = size.segmentNumber(of: start)
        var count = 0
        func write() throws {
            guard let name = WALFileName(timelineID: 1, segmentNumber: number, segmentSize: size) else { return }
            let whole = segment.prefix(Int(size.bytes))
            let rest = [UInt8](repeating: 0, count: Int(size.bytes) - whole.count)
            try Data(whole + rest).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
            segment.removeFirst(whole.count)
            number += 1
        }
        while let element = generator.next() {
            segment += element.bytes
            count += 1
            while segment.count >= Int(size.bytes) { try write() }
        }
        end = generator.position
        records = count
        if !segment.isEmpty { try write() }
    }
}

/// Rows of two integers, inserted one by one into one table, a hundred to a transaction.
///
/// Source: `wal-decoding.md` on fragments, `wal-interpretation.md` on the heap's records.
private struct HeapInserts: WALRecordSource {
    /// What fits on a page of such rows.
    private static let rowsPerPage = 226

    private var row = 0
    private var isCommitDue = false
    private let rows: Int

    init(rows: Int) {
        self.rows = rows
    }

    mutating func next() -> WALRecordContents? {
        let transaction = UInt32(1000 + max(row - 1, 0) / 100)
        if isCommitDue {
            isCommitDue = false
            // The time of the commit.
            return WALRecordContents(
                resourceManager: .transaction,
                info: 0,
                transactionID: transaction,
                mainData: [UInt8](repeating: 1, count: 8)
            )
        }
        guard row < rows else { return nil }
        defer {
            row += 1
            isCommitDue = row.isMultiple(of: 100) || row == rows
        }
        let isFirst = row.isMultiple(of: Self.rowsPerPage)
        var fragments: [UInt8] = []
        // The only block, with data, and initialized by its first row.
        fragments += [0, isFirst ? 0x60 : 0x20]
        let tuple = Self.tuple(row)
        fragments.appendLittle(UInt16(tuple.count))
        for number in [1663, 5, 16_384, UInt32(row / Self.rowsPerPage)] { fragments.appendLittle(number) }
        // Main data, short form: the row's place on the page, and flags.
        fragments += [255, 3]
        fragments += tuple
        fragments.appendLittle(UInt16(row % Self.rowsPerPage + 1))
        fragments.append(0)
        return WALRecordContents(
            resourceManager: .heap,
            info: isFirst ? 0x80 : 0,
            transactionID: UInt32(1000 + row / 100),
            fragments: fragments
        )
    }

    /// A row as it is logged: its header's flags, and the two integers.
    private static func tuple(_ row: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendLittle(2 as UInt16)
        bytes.appendLittle(0x0800 as UInt16)
        bytes.append(24)
        bytes.append(0)
        bytes.appendLittle(UInt32(row))
        bytes.appendLittle(UInt32(row))
        return bytes
    }
}

extension [UInt8] {
    fileprivate mutating func appendLittle(_ value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}
