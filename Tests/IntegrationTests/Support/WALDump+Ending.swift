import Foundation
import PostgresHarness
import PostgresWAL

extension WALDump {
    /// What the tool says at the end of WAL that nobody ended properly.
    struct Ending: Equatable {
        /// The last record, as the error message names it.
        let lastRecord: LSN
        /// What was wrong behind it.
        let message: String
    }

    /// Reads on from the start of a record until the tool gives up; nil if that is because the files end.
    func ending(from start: LSN) throws -> Ending? {
        let segments = try WALSegments(directory)
        let arguments = ["--quiet", "--path=\(directory)", "--start=\(start)", segments.name(of: start), segments.last]
        let errors = try installation.attempt("pg_waldump", arguments).errors
        if errors.isEmpty || errors.contains("could not find file") { return nil }
        let mark = "error in WAL record at "
        guard let line = errors.split(separator: "\n").last, let found = line.range(of: mark) else {
            throw HarnessError("pg_waldump failed otherwise: \(errors)")
        }
        let text = line[found.upperBound...]
        guard let colon = text.firstIndex(of: ":"), let lastRecord = LSN(String(text[..<colon])) else {
            throw HarnessError("cannot read the line: \(line)")
        }
        return Ending(lastRecord: lastRecord, message: String(text[text.index(after: colon)...]))
    }
}
