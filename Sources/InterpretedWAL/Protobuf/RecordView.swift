public import PostgresWAL

/// One record of a message, as ``InterpretedBatchParser`` gives it: what is in it lies in the message's bytes.
///
/// Source: `wal-interpretation.md` §13 (InterpretedWalRecord, SerializedValueBatch).
public struct RecordView: ~Escapable {
    @usableFromInline let bytes: RawSpan
    @usableFromInline let metadataRange: Range<Int>?
    @usableFromInline let fields: BatchFields
    /// The LSN that everything in this record is stamped with: where the next record starts.
    public let nextRecordLSN: LSN
    /// The transaction ID of the record's header, 0 if it has none.
    public let xid: UInt32
    /// Whether everything before this record has to be committed first.
    public let flushUncommitted: Bool

    /// Reads a record's fields.
    ///
    /// Throws ``WireError/missingField(_:)`` if it has no values field, not even an empty one.
    @inlinable
    @_lifetime(copy cursor)
    init(_ cursor: consuming ProtobufCursor) throws(WireError) {
        var metadataRange: Range<Int>?
        var fields: BatchFields?
        var nextRecordLSN = LSN.invalid
        var flushUncommitted = false
        var xid: UInt32 = 0
        while !cursor.isAtEnd {
            let tag = try cursor.readVarint()
            switch tag {
            case UInt64(ProtobufTag.Record.metadata):
                metadataRange = try cursor.readBytes()
            case UInt64(ProtobufTag.Record.batch):
                guard fields == nil else { throw .repeatedField(.batch, offset: cursor.offset) }
                let content = try cursor.readBytes()
                fields = try BatchFields(ProtobufCursor(cursor.bytes, in: content))
            case UInt64(ProtobufTag.Record.nextRecordLSN):
                nextRecordLSN = LSN(try cursor.readVarint())
            case UInt64(ProtobufTag.Record.flushUncommitted):
                flushUncommitted = try cursor.readVarint() != 0
            case UInt64(ProtobufTag.Record.xid):
                xid = UInt32(truncatingIfNeeded: try cursor.readVarint())
            default:
                try cursor.skip(tag: tag, knownFields: 5)
            }
        }
        guard let fields else { throw .missingField(.batch) }
        bytes = cursor.bytes
        self.metadataRange = metadataRange
        self.fields = fields
        self.nextRecordLSN = nextRecordLSN
        self.xid = xid
        self.flushUncommitted = flushUncommitted
    }

    /// Where the parts of a record's values lie in the message.
    @usableFromInline
    struct BatchFields: Equatable {
        @usableFromInline var raw = 0..<0
        /// From the first value's entry to the end of the last one; other fields may lie between.
        @usableFromInline var values = 0..<0
        @usableFromInline var maxLSN = LSN.invalid
        @usableFromInline var count: UInt64 = 0

        @inlinable
        @inline(__always)
        init(_ cursor: consuming ProtobufCursor) throws(WireError) {
            while !cursor.isAtEnd {
                let start = cursor.offset
                let tag = try cursor.readVarint()
                switch tag {
                case UInt64(ProtobufTag.Values.raw):
                    raw = try cursor.readBytes()
                case UInt64(ProtobufTag.Values.metadata):
                    let end = try cursor.readBytes().upperBound
                    values = Range(uncheckedBounds: (values.isEmpty ? start : values.lowerBound, end))
                case UInt64(ProtobufTag.Values.maxLSN):
                    maxLSN = LSN(try cursor.readVarint())
                case UInt64(ProtobufTag.Values.count):
                    count = try cursor.readVarint()
                default:
                    try cursor.skip(tag: tag, knownFields: 4)
                }
            }
        }
    }
}

// MARK: - Contents

extension RecordView {
    /// The encoded metadata (``MetadataRecord``), nil if the record has none.
    @inlinable
    public var metadataRecord: RawSpan? {
        @_lifetime(copy self)
        get {
            guard let metadataRange else { return nil }
            return bytes.extracting(metadataRange)
        }
    }

    /// Decodes the metadata, if any.
    ///
    /// Throws ``WireError/metadataRecord(_:nextRecordLSN:)``.
    public func decodeMetadata() throws(WireError) -> MetadataRecord? {
        guard let metadataRecord else { return nil }
        do {
            return try MetadataRecord(decoding: metadataRecord)
        } catch {
            throw .metadataRecord(error, nextRecordLSN: nextRecordLSN)
        }
    }

    /// The serialized values' bytes (``StoredValue``), one after another.
    @inlinable
    public var raw: RawSpan {
        @_lifetime(copy self)
        get { bytes.extracting(fields.raw) }
    }

    /// The greatest LSN of the serialized values; 0/0 if there are none.
    @inlinable
    public var maxLSN: LSN { fields.maxLSN }

    /// The number of serialized values as declared; ``values`` checks it.
    @inlinable
    public var valueCount: UInt64 { fields.count }

    /// Whether the record has entries of values, serialized or observed.
    @inlinable
    public var hasValues: Bool { !fields.values.isEmpty }

    /// The entries of the record's values, in the sender's order.
    @inlinable
    public var values: ValueIterator {
        @_lifetime(copy self)
        get {
            ValueIterator(
                ProtobufCursor(bytes, in: fields.values),
                rawSize: fields.raw.count,
                declaredCount: valueCount
            )
        }
    }
}
