import Foundation
import PostgresHarness
import PostgresWAL

extension WALDump {
    /// Reads on from the start of a record until the tool gives up, and takes the last good record from its error message.
    ///
    /// Gives nil if it finds nothing wrong because the files end.
    func lastRecordNamed(from start: LSN) throws -> LSN? {
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
        return lastRecord
    }
}

extension WALDump.Record {
    /// The record that was lost, if this one says that a record was: `OVERWRITE_CONTRECORD lsn 0/123; time …`.
    var lostRecord: LSN? {
        guard resourceManager == "XLOG", operation == "OVERWRITE_CONTRECORD" else { return nil }
        let words = description.split { " ;".contains($0) }
        return words.count > 2 ? LSN(String(words[2])) : nil
    }
}
