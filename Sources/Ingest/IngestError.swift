public import InterpretedWAL
public import PostgresWAL
public import ShardIdentity

/// WAL that can't be ingested, with where that was found.
public struct IngestError: Error, Hashable, Sendable {
    /// The shard.
    public let shard: TimelineShard
    /// The LSN of the record that failed; the last ingested one for errors outside of records.
    public let lsn: LSN
    /// What is wrong.
    public let reason: IngestFault

    package init(shard: TimelineShard, lsn: LSN, _ reason: IngestFault) {
        self.shard = shard
        self.lsn = lsn
        self.reason = reason
    }
}

extension IngestError: CustomStringConvertible {
    /// What is wrong, with shard and LSN.
    public var description: String { "could not ingest record at \(lsn) into \(shard): \(reason)" }
}

/// What can be wrong with WAL that is to be ingested.
public enum IngestFault: Error, Hashable, Sendable {
    /// The message is not readable.
    case wire(WireError)
    /// The store failed; what was not committed is forgotten, and the message may be repeated.
    case store(StoreError)
    /// The store holds another shard than the one that was asked for.
    case otherShard(stored: TimelineShard)
    /// The store holds nothing yet.
    case notCreated
    /// The store holds something already.
    case alreadyCreated
    /// The store was left by an import that did not get to its end.
    case unfinishedImport
    /// The store's state record is of an unknown form.
    case unreadableState
    /// The LSN is 0/0 or not a multiple of 8.
    case misaligned
    /// The record's LSN is not above that of the record before.
    case notIncreasing(previous: LSN)
    /// The record's LSN is above where its message says that the next record starts.
    case beyondMessage(nextRecordLSN: LSN)
    /// A value's LSN is not its record's.
    case valueLSN(key: Key, found: LSN)
    /// A value's key is not that of a relation's block.
    case unsupportedKey(Key)
    /// A key that this shard does not keep.
    case foreignKey(Key)
    /// A block was only named to this shard, although it is the one that keeps it, or the shard is not zero.
    case unexpectedObservation(Key)
    /// A tablespace whose OID does not fit into keys.
    case unrepresentableKey(Key)
    /// A relation is extended by more blocks at once than zero pages are made for.
    case gapTooLarge(relation: RelationTag, blocks: UInt32, limit: Int)
    /// A relation number of zero, or a fork that does not exist.
    case invalidRelation(RelationTag)
    /// A relation is created that is there.
    case relationExists(RelationTag)
    /// Something that has to be stored isn't.
    case missing(Key)
    /// What is stored for a key is not of its form.
    case unreadable(Key)
    /// A prepared transaction that is there already.
    case preparedTransactionExists(xid: UInt64)
    /// A prepared transaction's id would be from before the first epoch.
    case wraparound(xid: UInt32, nextXID: UInt64)
    /// The main data of an XLOG record is too short.
    case shortRecord(info: UInt8, length: Int, expected: Int)
    /// An SLRU page number that is beyond a segment.
    case invalidSLRUPage(kind: SLRUKind, segment: UInt32, page: UInt32)
    /// More data is uncommitted where nothing may be.
    case uncommittedData
}

extension IngestFault {
    /// Whether the store is full, so that the same message can be ingested once there is space.
    public var isNoSpace: Bool {
        if case .store(let error) = self { error.isNoSpace } else { false }
    }
}

extension IngestFault: CustomStringConvertible {
    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .wire(let error): "\(error)"
        case .store(let error): "\(error)"
        case .otherShard(let stored): "the store holds \(stored)"
        case .notCreated: "the store is empty"
        case .alreadyCreated: "the store is not empty"
        case .unfinishedImport: "an import into the store did not get to its end"
        case .unreadableState: "the store's state record is of an unknown form"
        case .misaligned: "the LSN is 0/0 or not a multiple of 8"
        case .notIncreasing(let previous): "the record before was at \(previous)"
        case .beyondMessage(let nextRecordLSN): "its message ends at \(nextRecordLSN)"
        case .valueLSN(let key, let found): "the value of \(key) has LSN \(found)"
        case .unsupportedKey(let key): "the request contains data not supported by pageserver: \(key)"
        case .foreignKey(let key): "key \(key) belongs to another shard"
        case .unexpectedObservation(let key): "key \(key) is only named to this shard"
        case .unrepresentableKey(let key): "key \(key) can't be stored"
        case .gapTooLarge(let relation, let blocks, let limit):
            "relation \(relation) grows by a gap of \(blocks) blocks, more than \(limit)"
        case .invalidRelation(let relation): "relation \(relation) can't exist"
        case .relationExists(let relation): "relation already exists: \(relation)"
        case .missing(let key): "key \(key) is missing"
        case .unreadable(let key): "the value of key \(key) is not readable"
        case .preparedTransactionExists(let xid): "twophase file for xid \(xid) already exists"
        case .wraparound(let xid, let nextXID):
            "apparent XID wraparound with prepared transaction XID \(xid), nextXid is \(nextXID)"
        case .shortRecord(let info, let length, let expected):
            "XLOG record 0x\(String(info, radix: 16)) has \(length) bytes of main data, \(expected) expected"
        case .invalidSLRUPage(let kind, let segment, let page):
            "page \(page) of segment \(segment) of \(kind.directory) can't exist"
        case .uncommittedData: "data is pending before a record that reads what is stored"
        }
    }
}

/// Something odd in WAL that does not keep it from being ingested.
public enum IngestWarning: Hashable, Sendable {
    /// Bits of a visibility map are to be cleared that this shard has not; the map is corrupt, or was.
    case visibilityMapUnknown(RelationTag, lsn: LSN)
    /// Bits of a visibility map's page behind its end are to be cleared.
    case visibilityMapTooShort(RelationTag, block: UInt32, size: UInt32, lsn: LSN)
    /// A database is dropped that is not in the directory.
    case unknownDatabase(tablespace: UInt32, database: UInt32, lsn: LSN)
    /// A prepared transaction ends that is not in the directory.
    case unknownPreparedTransaction(xid: UInt64, lsn: LSN)
    /// The commit log is to be truncated behind its newest page.
    case commitLogWraparound(page: UInt32, lsn: LSN)
    /// A file is removed that is not there.
    case unknownAuxFile(path: String, lsn: LSN)
}
