public import PostgresWAL
public import ShardIdentity

/// Why a WAL record has no meaning, and where it is.
///
/// The record fails for all shards, and nothing of it was written to any of them. Where the reference has a text for an
/// error, this begins with the same words.
///
/// Source: `wal-interpretation.md` §5.
public struct InterpretationError: Error, Hashable, Sendable {
    /// What is wrong with the record.
    public enum Reason: Hashable, Sendable {
        /// The main data ends before what the operation needs.
        case truncated(needed: Int, found: Int)
        /// The main data is not of the one length that the operation has.
        case length(expected: Int, found: Int)
        /// A count in the main data is negative or declares more than follows.
        case count(Int64, found: Int)
        /// A block's key can't be sent.
        case unsupportedKey(Key)
        /// The prefix of a logical message is not UTF-8.
        case prefixNotUTF8(index: Int)
        /// The resource manager has no such operation.
        case unknownOperation(UInt8)
        /// Neon's resource manager in the WAL of a version that has none.
        case neonResourceManager(PostgresMajorVersion)
        /// The operation changes a heap page and the record names none.
        case noBlock
        /// A page image doesn't give a page.
        case image(BlockImageError)
        /// Interpreted, the record takes more bytes than a message may have.
        case tooLarge(bytes: Int, limit: Int)
    }

    /// The start of the record.
    public var lsn: LSN
    /// Where the next record starts: the LSN that the record's values would have had.
    public var next: LSN
    /// The resource manager that wrote the record.
    public var resourceManager: ResourceManager
    /// The record's info byte.
    public var info: UInt8
    /// What is wrong.
    public var reason: Reason
}

extension InterpretationError {
    /// Makes the error of a record.
    @inline(never)
    init(_ reason: Reason, in record: borrowing WALRecord) {
        self.init(
            lsn: record.start,
            next: record.next,
            resourceManager: record.resourceManager,
            info: record.info,
            reason: reason
        )
    }
}

extension InterpretationError: CustomStringConvertible {
    /// What is wrong, with the record's start, resource manager and info.
    public var description: String {
        let record = "\(resourceManager.name) record at \(lsn), info \(info)"
        switch reason {
        case .truncated(let needed, let found):
            return "main data of \(found) bytes, at least \(needed) expected (\(record))"
        case .length(let expected, let found):
            return "main data of \(found) bytes, \(expected) expected (\(record))"
        case .count(let count, let found):
            return "a count of \(count) with \(found) bytes following it (\(record))"
        case .unsupportedKey(let key):
            return "Unsupported key decoded at LSN \(next): \(key) (\(record))"
        case .prefixNotUTF8(let index):
            return "invalid utf-8 sequence from index \(index) in a message's prefix (\(record))"
        case .unknownOperation(let operation):
            return resourceManager == .neon
                ? "Unknown WAL record type for Neon RMGR: \(operation) (\(record))"
                : "unknown operation \(operation) (\(record))"
        case .neonResourceManager(let version):
            return "Neon RMGR has no known compatibility with PostgreSQL version PgMajorVersion::PG\(version.rawValue)"
                + " (\(record))"
        case .noBlock:
            return "the operation needs a block reference, and there is none (\(record))"
        case .image(let error):
            return "\(error) (\(record))"
        case .tooLarge(let bytes, let limit):
            return "\(bytes) bytes when interpreted, at most \(limit) allowed (\(record))"
        }
    }
}
