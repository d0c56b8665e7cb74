public import PostgresWAL
public import ShardIdentity

/// What can't be read.
public enum ReadError: Error, Hashable, Sendable {
    /// The store failed.
    case store(StoreError)
    /// The LSN is beyond what has been ingested.
    case notYetThere(lsn: LSN, lastRecordLSN: LSN)
    /// The LSN is from before the shard's data begins.
    case tooOld(lsn: LSN, initialLSN: LSN)
    /// Another shard keeps the key.
    case foreignKey(Key)
    /// There is nothing at or below the LSN.
    case missing(Key, lsn: LSN)
    /// What is stored is not of the form that the key asks for.
    case unreadable(Key, lsn: LSN)
    /// Changes, but no page to apply them to.
    case noBase(Key, lsn: LSN, changes: Int)
    /// The page can't be had without PostgreSQL replaying a record: the first one at that LSN.
    case needsReplay(Key, lsn: LSN)
    /// A change does not fit the page that it is for.
    case invalidChange(Key, lsn: LSN)
}

extension ReadError: CustomStringConvertible {
    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .store(let error): "\(error)"
        case .notYetThere(let lsn, let lastRecordLSN): "LSN \(lsn) is not there yet: last record is \(lastRecordLSN)"
        case .tooOld(let lsn, let initialLSN): "LSN \(lsn) is from before the first one, \(initialLSN)"
        case .foreignKey(let key): "key \(key) is kept by another shard"
        case .missing(let key, let lsn): "could not find data for key \(key) at \(lsn)"
        case .unreadable(let key, let lsn): "the value of key \(key) at \(lsn) is not readable"
        case .noBase(let key, let lsn, let changes):
            "Base image for \(key) at \(lsn) not found, but got \(changes) WAL records"
        case .needsReplay(let key, let lsn): "key \(key) needs the WAL record at \(lsn) to be replayed"
        case .invalidChange(let key, let lsn): "the change of key \(key) at \(lsn) does not fit its page"
        }
    }
}
