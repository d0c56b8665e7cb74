/// What a WAL record says beyond page contents, by resource manager.
///
/// Its bincode form travels inside both wire formats.
///
/// Source: `wal-interpretation.md` §2 and §11.
public enum MetadataRecord: Hashable, Sendable {
    /// HEAP and HEAP2.
    case heap(HeapMetadata)
    /// Neon's own resource manager.
    case neon(NeonMetadata)
    /// SMGR: relation files.
    case storageManager(StorageManagerMetadata)
    /// DBASE: databases.
    case database(DatabaseMetadata)
    /// CLOG: the commit log.
    case clog(CLogMetadata)
    /// XACT: ends of transactions.
    case transaction(TransactionMetadata)
    /// MULTIXACT: row locks of several transactions.
    case multiXact(MultiXactMetadata)
    /// RELMAP: the map of system catalogues to files.
    case relationMap(RelationMapMetadata)
    /// XLOG: the WAL's own records.
    case xlog(XLogMetadata)
    /// LOGICALMSG: logical messages.
    case logicalMessage(LogicalMessageMetadata)
    /// STANDBY: snapshots of running transactions.
    case standby(StandbyMetadata)
    /// REPLORIGIN: replication progress.
    case replicationOrigin(ReplicationOriginMetadata)
}

extension MetadataRecord: BincodeCodable {
    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        switch self {
        case .heap(let metadata):
            buffer.append(variant: 0)
            metadata.encode(into: &buffer)
        case .neon(let metadata):
            buffer.append(variant: 1)
            metadata.encode(into: &buffer)
        case .storageManager(let metadata):
            buffer.append(variant: 2)
            metadata.encode(into: &buffer)
        case .database(let metadata):
            buffer.append(variant: 3)
            metadata.encode(into: &buffer)
        case .clog(let metadata):
            buffer.append(variant: 4)
            metadata.encode(into: &buffer)
        case .transaction(let metadata):
            buffer.append(variant: 5)
            metadata.encode(into: &buffer)
        case .multiXact(let metadata):
            buffer.append(variant: 6)
            metadata.encode(into: &buffer)
        case .relationMap(let metadata):
            buffer.append(variant: 7)
            metadata.encode(into: &buffer)
        case .xlog(let metadata):
            buffer.append(variant: 8)
            metadata.encode(into: &buffer)
        case .logicalMessage(let metadata):
            buffer.append(variant: 9)
            metadata.encode(into: &buffer)
        case .standby(let metadata):
            buffer.append(variant: 10)
            metadata.encode(into: &buffer)
        case .replicationOrigin(let metadata):
            buffer.append(variant: 11)
            metadata.encode(into: &buffer)
        }
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        switch try reader.readVariant() {
        case 0: self = .heap(try HeapMetadata(from: &reader))
        case 1: self = .neon(try NeonMetadata(from: &reader))
        case 2: self = .storageManager(try StorageManagerMetadata(from: &reader))
        case 3: self = .database(try DatabaseMetadata(from: &reader))
        case 4: self = .clog(try CLogMetadata(from: &reader))
        case 5: self = .transaction(try TransactionMetadata(from: &reader))
        case 6: self = .multiXact(try MultiXactMetadata(from: &reader))
        case 7: self = .relationMap(try RelationMapMetadata(from: &reader))
        case 8: self = .xlog(try XLogMetadata(from: &reader))
        case 9: self = .logicalMessage(try LogicalMessageMetadata(from: &reader))
        case 10: self = .standby(try StandbyMetadata(from: &reader))
        case 11: self = .replicationOrigin(try ReplicationOriginMetadata(from: &reader))
        case let other: throw .unknownVariant(path: "MetadataRecord", value: other)
        }
    }
}
