import ArgumentParser
import Glibc
import PostgresWAL
import WALFiles

/// Parses an option's LSN.
func parseLSN(_ text: String) throws -> LSN {
    guard let lsn = LSN(text) else { throw ValidationError("'\(text)' is not an LSN: X/X in hexadecimal expected") }
    return lsn
}

/// Which WAL a command reads, and how its run ends.
struct WALRange: ParsableArguments {
    @Option(
        name: .customLong("wal-dir"),
        help: ArgumentHelp("Folder of WAL segment files, complete or .partial.", valueName: "dir")
    )
    var directory: String

    @Option(
        help: ArgumentHelp(
            "Where to start, as X/X: the first record that starts here or later. Default: the first record there is.",
            valueName: "LSN"
        ),
        transform: parseLSN
    )
    var start: LSN?

    @Option(
        help: ArgumentHelp(
            "Where to stop, as X/X: the first record that starts here or later isn't read. Default: the end of the WAL.",
            valueName: "LSN"
        ),
        transform: parseLSN
    )
    var end: LSN?

    @Option(help: "PostgreSQL timeline ID, if the folder has segments of several.")
    var timeline: UInt32?

    mutating func validate() throws {
        if let start, let end, end < start { throw ValidationError("--end \(end) is before --start \(start)") }
    }

    func walk() throws -> WALWalk {
        WALWalk(directory: try WALDirectory(path: directory, timelineID: timeline), start: start, end: end)
    }

    /// Says on standard error why the run ended where it did; throws if it should have gone further.
    func report(_ ending: WALWalk.Ending) throws {
        switch ending {
        case .reached:
            return
        case .endOfWAL(let lsn, let condition):
            try reportEnd(at: lsn, because: Self.explanation(of: condition))
        case .brokenRecord(let lsn):
            throw RangeError(
                description: "the record at \(lsn) is damaged or was written only in part; nothing is behind it"
            )
        case .endOfFile(let lsn):
            try reportEnd(at: lsn, because: "there are no more bytes")
        }
    }

    private func reportEnd(at lsn: LSN, because explanation: String) throws {
        if let end, end > lsn {
            throw RangeError(description: "the WAL ends at \(lsn), before \(end): \(explanation)")
        }
        printToStandardError("walctl: end of WAL at \(lsn): \(explanation)")
    }

    private static func explanation(of condition: WALDecodeError.Condition) -> String {
        switch condition {
        case .zeroed: "what follows was never written"
        case .stale: "what follows is from an earlier use of the file"
        case .torn: "the rest of the last record was never written"
        case .corrupt: "what follows is damaged"
        }
    }
}

/// A range that isn't there in full.
struct RangeError: Error, CustomStringConvertible {
    let description: String
}

func printToStandardError(_ message: String, terminator: String = "\n") {
    let bytes = Array((message + terminator).utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}
