package import PostgresWAL

/// Something a WAL store refuses or can't do.
package enum WALStoreError: Error, Hashable, Sendable {
    /// A system call failed. ``WALStore`` says what state that leaves.
    case storage(StorageError)
    /// The bytes are no WAL; they were written and must be truncated away.
    case decode(WALDecodeError)
    /// A write was refused because a truncation has to succeed first.
    case truncationPending(writeLSN: LSN, lsn: LSN)
    /// A write began before the end of what was written.
    case rewrite(writeLSN: LSN, lsn: LSN)
    /// A write began behind the end of what was written.
    case gap(writeLSN: LSN, lsn: LSN)
    /// A position where no record can end, or near the end of all LSNs.
    case invalidPosition(LSN)
    /// A truncation would leave a hole: no record is known to end that late.
    case truncationBeyondEnd(writeRecordLSN: LSN, end: LSN)
    /// The first segment is to be made although there is WAL already.
    case alreadyInitialised(writeLSN: LSN)
    /// A segment that is to be written has the name of a complete one.
    case segmentIsComplete(path: String)
    /// A segment that is to be read isn't there.
    case missingSegment(lsn: LSN, path: String)
}

extension WALStoreError: CustomStringConvertible {
    /// The message.
    package var description: String {
        switch self {
        case .storage(let error): "\(error)"
        case .decode(let error): "\(error)"
        case .truncationPending(let writeLSN, let lsn):
            "write_wal called with pending WAL truncation, write_lsn=\(writeLSN), startpos=\(lsn)"
        case .rewrite(let writeLSN, let lsn):
            "append request rewrites WAL written before, write_lsn=\(writeLSN), msg lsn=\(lsn)"
        case .gap(let writeLSN, let lsn):
            "append request creates gap in written WAL, write_lsn=\(writeLSN), msg lsn=\(lsn)"
        case .invalidPosition(let lsn): "no WAL record can end at \(lsn)"
        case .truncationBeyondEnd(let writeRecordLSN, let end):
            "truncating WAL to \(end) would leave a hole: its last record ends at \(writeRecordLSN)"
        case .alreadyInitialised(let writeLSN): "there is WAL up to \(writeLSN) already"
        case .segmentIsComplete(let path): "\(path) is a complete segment, but is to be written to"
        case .missingSegment(let lsn, let path): "WAL at \(lsn) is missing: there is no file \(path)"
        }
    }
}
