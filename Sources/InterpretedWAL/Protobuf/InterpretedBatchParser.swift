public import PostgresWAL

/// Reads a message in protobuf form record by record, without making objects.
///
/// The receive path: nothing is allocated and nothing is copied; what it gives points into the message.
///
/// ```
/// var parser = try InterpretedBatchParser(message)
/// while let record = try parser.nextRecord() {
///     var values = record.values
///     while let value = try values.next() { … }
/// }
/// ```
///
/// Making a parser walks the tags of the top level once (about 2 ns a record), because the positions of the whole
/// message stand behind its records on the wire. So they are known, and known to be there, before the first record is
/// used. Fields may come in any order, repeated scalars count once with their last value, unknown fields are skipped.
///
/// Source: `wal-interpretation.md` §13.
public struct InterpretedBatchParser: ~Escapable {
    @usableFromInline var cursor: ProtobufCursor
    /// Where the next record starts, past all WAL that the message covers.
    public let nextRecordLSN: LSN
    /// Where the WAL that the message was made of starts, if the sender says.
    public let rawWALStartLSN: LSN?
    /// The number of records in the message.
    public let recordCount: Int

    /// Starts at the first record of the message that takes up all of `bytes`.
    ///
    /// Throws for a malformed top level and ``WireError/missingField(_:)`` without a next record LSN.
    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan) throws(WireError) {
        var nextRecordLSN: LSN?
        var rawWALStartLSN: LSN?
        var recordCount = 0
        var cursor = ProtobufCursor(bytes)
        while !cursor.isAtEnd {
            let tag = try cursor.readVarint()
            switch tag {
            case UInt64(ProtobufTag.Batch.records):
                _ = try cursor.readBytes()
                recordCount &+= 1
            case UInt64(ProtobufTag.Batch.nextRecordLSN):
                nextRecordLSN = LSN(try cursor.readVarint())
            case UInt64(ProtobufTag.Batch.rawWALStartLSN):
                rawWALStartLSN = LSN(try cursor.readVarint())
            default:
                try cursor.skip(tag: tag, knownFields: 3)
            }
        }
        guard let nextRecordLSN else { throw .missingField(.nextRecordLSN) }
        self.nextRecordLSN = nextRecordLSN
        self.rawWALStartLSN = rawWALStartLSN
        self.recordCount = recordCount
        self.cursor = ProtobufCursor(bytes)
    }

    /// Reads the next record; nil after the last one.
    ///
    /// Throws for a malformed record. Its values' entries are read, and checked, only by ``RecordView/values``.
    @inlinable
    @_lifetime(copy self)
    public mutating func nextRecord() throws(WireError) -> RecordView? {
        while !cursor.isAtEnd {
            let tag = try cursor.readVarint()
            switch tag {
            case UInt64(ProtobufTag.Batch.records):
                let content = try cursor.readBytes()
                return try RecordView(ProtobufCursor(cursor.bytes, in: content))
            case UInt64(ProtobufTag.Batch.nextRecordLSN), UInt64(ProtobufTag.Batch.rawWALStartLSN):
                _ = try cursor.readVarint()
            default:
                try cursor.skip(tag: tag, knownFields: 3)
            }
        }
        return nil
    }
}
