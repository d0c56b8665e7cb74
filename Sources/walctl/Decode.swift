import ArgumentParser
import PostgresWAL
import WALFiles

struct Decode: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints the records of a range of WAL.",
        discussion: """
            text: one line a record, as pg_waldump prints it; "rec/tot" are the lengths without and with page images.

            jsonl: one object a record: lsn, end (where the next record may start), prev, rmgr, info, length, xid, and \
            blocks with id, spc, db, rel, fork, block, image (there is a page image) and apply (replay restores it).

            A bad record ends the run with exit status 1 and the error on standard error, after everything before it \
            was printed. Where the WAL merely ends (zeros, or a page of an earlier use of the file, even in the middle \
            of a record, as a crash leaves it) the status is 0, unless --end asked for more.

            Example: walctl decode --wal-dir /var/lib/postgresql/15/main/pg_wal --stats
            """
    )

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, jsonl
    }

    @OptionGroup var range: WALRange

    @Option(help: "How to print records.")
    var format: Format = .text

    @Flag(help: "Print counts and sizes per resource manager instead of records.")
    var stats = false

    func run() throws {
        let walk = try range.walk()
        var output = TextBuffer()
        var statistics = RecordStatistics()
        var progress = Progress(from: walk.start, to: walk.end ?? walk.directory.end)
        defer { progress.finish() }
        // Out of the property wrappers, which cost more than decoding a record.
        let stats = stats
        let format = format
        let ending: WALWalk.Ending
        do {
            ending = try walk.run { record, parsed in
                progress.advance(to: record.start)
                if stats {
                    statistics.add(record, parsed)
                } else if format == .jsonl {
                    try output.appendJSON(record, parsed)
                } else {
                    try output.appendLine(record, parsed, version: walk.directory.version)
                }
            }
        } catch {
            try printRest(&output, statistics)
            throw error
        }
        try printRest(&output, statistics)
        progress.finish()
        try range.report(ending)
    }

    private func printRest(_ output: inout TextBuffer, _ statistics: RecordStatistics) throws {
        if stats { try output.appendTable(statistics) }
        try output.flush()
    }
}
