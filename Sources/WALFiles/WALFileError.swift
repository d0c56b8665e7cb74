public import PostgresWAL

/// A folder or a file of WAL that can't be used.
public enum WALFileError: Error, Hashable, Sendable {
    /// A system call failed.
    case system(operation: String, path: String, message: String)
    /// The folder holds no WAL segment file.
    case noSegments(path: String)
    /// The folder holds segments of several timelines and none was chosen.
    case severalTimelines(path: String, timelineIDs: [UInt32])
    /// The first page of a segment file is not that of a segment of PostgreSQL 14 to 17.
    case notASegment(path: String, reason: String)
    /// A segment file that is needed is not there.
    case missingSegment(lsn: LSN, timelineID: UInt32, name: String)
    /// A segment file ends before its segment does, and later segments hold WAL.
    case shortSegment(path: String, lsn: LSN)
    /// No record begins on the page of the LSN or up to the end of the files, or that page was never written.
    case noRecord(path: String, lsn: LSN)
}

extension WALFileError: CustomStringConvertible {
    /// What is wrong, with the path.
    public var description: String {
        switch self {
        case .system(let operation, let path, let message):
            "can't \(operation) \(path): \(message)"
        case .noSegments(let path):
            "\(path) holds no WAL segment files (names of 24 hexadecimal digits)"
        case .severalTimelines(let path, let timelineIDs):
            "\(path) holds segments of timelines \(timelineIDs.map(String.init).joined(separator: ", ")): choose one"
        case .notASegment(let path, let reason):
            "\(path) is not a WAL segment of PostgreSQL 14 to 17: \(reason)"
        case .missingSegment(let lsn, let timelineID, let name):
            "WAL at \(lsn) of timeline \(timelineID) is missing: there is no file \(name)"
        case .shortSegment(let path, let lsn):
            "\(path) ends at \(lsn), inside its segment, and later segments hold WAL"
        case .noRecord(let path, let lsn):
            "no record begins at or after \(lsn) in \(path)"
        }
    }
}
