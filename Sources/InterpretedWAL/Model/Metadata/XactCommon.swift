public import PostgresWAL
public import ShardIdentity

/// What all ends of transactions have in common.
///
/// Source: `wal-interpretation.md` §3.7 and §11 (XactCommon).
public struct XactCommon: Hashable, Sendable {
    /// The transaction that ended: the header's, or the prepared one.
    public var xid: UInt32
    /// The operation: the record's info byte & 0x70.
    public var info: UInt8
    /// When it ended, in PostgreSQL's microseconds since 2000-01-01.
    public var time: Int64
    /// Which optional parts the record has (`xinfo`), 0 if it does not say.
    public var xinfo: UInt32
    /// The database OID, 0 if the record does not say.
    public var database: UInt32
    /// The tablespace OID, 0 if the record does not say.
    public var tablespace: UInt32
    /// The subtransactions that ended with it.
    public var subtransactions: [UInt32]
    /// The relations whose files are dropped by it.
    public var droppedRelations: [RelationLocator]
    /// Where a replicated transaction ended at its origin, 0/0 if the record does not say.
    public var originLSN: LSN
    /// The replication origin, 0 if none.
    public var originID: UInt16
    /// The transaction ID of the record's header.
    public var headerXID: UInt32
    /// The LSN that the record's values are stamped with.
    public var lsn: LSN

    /// Makes a value of its parts.
    public init(
        xid: UInt32,
        info: UInt8,
        time: Int64,
        xinfo: UInt32 = 0,
        database: UInt32 = 0,
        tablespace: UInt32 = 0,
        subtransactions: [UInt32] = [],
        droppedRelations: [RelationLocator] = [],
        originLSN: LSN = .invalid,
        originID: UInt16 = 0,
        headerXID: UInt32,
        lsn: LSN
    ) {
        self.xid = xid
        self.info = info
        self.time = time
        self.xinfo = xinfo
        self.database = database
        self.tablespace = tablespace
        self.subtransactions = subtransactions
        self.droppedRelations = droppedRelations
        self.originLSN = originLSN
        self.originID = originID
        self.headerXID = headerXID
        self.lsn = lsn
    }
}

// MARK: - Bincode

extension XactCommon: BincodeCodable {
    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        buffer.append(bigEndian: xid)
        buffer.append(info)
        buffer.append(bigEndian: time)
        buffer.append(bigEndian: xinfo)
        buffer.append(bigEndian: database)
        buffer.append(bigEndian: tablespace)
        buffer.append(sequence: subtransactions)
        buffer.append(sequence: droppedRelations)
        buffer.append(bigEndian: originLSN.rawValue)
        buffer.append(bigEndian: originID)
        buffer.append(bigEndian: headerXID)
        buffer.append(bigEndian: lsn.rawValue)
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        self.init(
            xid: try reader.read(),
            info: try reader.read(),
            time: try reader.read(),
            xinfo: try reader.read(),
            database: try reader.read(),
            tablespace: try reader.read(),
            subtransactions: try reader.readUInt32Sequence(),
            droppedRelations: try reader.readSequence(minimumElementSize: RelationLocator.encodedSize),
            originLSN: LSN(try reader.read()),
            originID: try reader.read(),
            headerXID: try reader.read(),
            lsn: LSN(try reader.read())
        )
    }
}
