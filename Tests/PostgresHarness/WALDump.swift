package import PostgresWAL

/// `pg_waldump`, the second opinion on any WAL.
package struct WALDump: Sendable {
    package let installation: PostgresInstallation
    /// The folder with the segment files.
    package let directory: String

    /// Reads the WAL in `directory`, which `installation`'s major version must have written: others refuse it.
    package init(installation: PostgresInstallation, directory: String) {
        self.installation = installation
        self.directory = directory
    }

    /// All records that start in a range, in order.
    ///
    /// From the start of a record (nil: the first there is) to the end of one (nil: the end of the WAL). Throws
    /// ``HarnessError`` if the tool fails before that, finds nothing or prints what we cannot read.
    package func records(from start: LSN? = nil, to end: LSN? = nil, timeline: UInt32 = 1) throws -> [Record] {
        let output = try attempt(["--bkp-details"], from: start ?? firstRecord(), to: end, timeline: timeline)
        let records = try WALDump.parse(output.bytes)
        guard !records.isEmpty else { throw HarnessError("pg_waldump found no record: \(output.errors)") }
        return records
    }

    /// What `pg_waldump --stats` prints over a range, or with `perRecord` over kinds of records, `--stats=record`.
    package func stats(from start: LSN? = nil, to end: LSN? = nil, perRecord: Bool = false) throws -> String {
        let option = perRecord ? "--stats=record" : "--stats"
        return try attempt([option], from: start ?? firstRecord(), to: end, timeline: 1).text
    }

    /// The number of records over a range by the name that ``stats(from:to:perRecord:)`` gives them: `Heap`, or
    /// `Heap/INSERT` with `perRecord`.
    package func counts(from start: LSN? = nil, to end: LSN? = nil, perRecord: Bool = false) throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for line in try stats(from: start, to: end, perRecord: perRecord).split(separator: "\n") {
            // "Heap/INSERT+INIT      123 ( 1.50) …"; a line of dashes and the totals have no such start.
            let fields = line.prefix { $0 != "(" }.split(separator: " ")
            guard fields.count == 2, fields[0] != "Total", let count = Int(fields[1]) else { continue }
            counts[String(fields[0])] = count
        }
        return counts
    }

    /// Where the first record of the first segment in the folder starts.
    package func firstRecord() throws -> LSN {
        let segments = try WALSegments(directory)
        let output = try installation.run("pg_waldump", ["--limit=1", "--path=\(directory)", segments.first])
        guard let record = try WALDump.parse(output.bytes).first else {
            throw HarnessError("no record in \(directory)/\(segments.first)")
        }
        return record.lsn
    }

    /// Where the record after this one may start: its end, page headers counted, on the next multiple of 8.
    package func end(of record: Record) throws -> LSN {
        let segmentSize = try WALSegments(directory).size
        var position = record.lsn
        var rest = UInt64(record.totalLength)
        while rest > UInt64(position.remainingInPage) {
            rest -= UInt64(position.remainingInPage)
            position += UInt64(position.remainingInPage)
            position += position.rawValue % segmentSize == 0 ? 40 : 24
        }
        return (position + rest).recordAligned
    }

    /// Runs the tool over a range.
    ///
    /// The segments are named: left to itself it learns their size from any file it finds, and a segment prepared for
    /// later says zero.
    private func attempt(_ options: [String], from start: LSN, to end: LSN?, timeline: UInt32) throws -> ToolOutput {
        let segments = try WALSegments(directory)
        let first = segments.name(of: start, timeline: timeline)
        let last = end.map { segments.name(of: $0 - 1, timeline: timeline) } ?? segments.last
        let range = ["--start=\(start)"] + (end.map { ["--end=\($0)"] } ?? [])
        let arguments = options + ["--path=\(directory)", "--timeline=\(timeline)"] + range + [first, last]
        let output = try installation.attempt("pg_waldump", arguments)
        // Without an end it reads until something is no record, and calls that an error.
        return end == nil ? output : try output.checked("pg_waldump")
    }
}
