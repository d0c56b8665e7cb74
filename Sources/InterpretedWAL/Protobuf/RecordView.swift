public import PostgresWAL

/// One record of a message, as ``InterpretedBatchParser`` gives it: what is in it lies in the message's bytes.
///
/// Source: `wal-interpretation.md` §13 (InterpretedWalRecord, SerializedValueBatch).
public struct RecordView: ~Escapable {
    @usableFromInline let bytes: RawSpan
    @usableFromInline var fields: RecordFields

    @inlinable
    @inline(__always)
    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, _ fields: RecordFields) {
        self.bytes = bytes
        self.fields = fields
    }
}

// MARK: - Contents

extension RecordView {
    /// The LSN that everything in this record is stamped with: where the next record starts.
    @inlinable
    public var nextRecordLSN: LSN { fields.nextRecordLSN }

    /// The transaction ID of the record's header, 0 if it has none.
    @inlinable
    public var xid: UInt32 { fields.xid }

    /// Whether everything before this record has to be committed first.
    @inlinable
    public var flushUncommitted: Bool { fields.flushUncommitted }

    /// The encoded metadata (``MetadataRecord``), nil if the record has none.
    @inlinable
    public var metadataRecord: RawSpan? {
        @_lifetime(copy self)
        get {
            guard let range = fields.metadata else { return nil }
            return bytes.extracting(range)
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
    public var valueCount: UInt64 { fields.valueCount }

    /// Whether the record has entries of values, serialized or observed.
    @inlinable
    public var hasValues: Bool { !fields.values.isEmpty }

    /// The entries of the record's values, in the sender's order.
    @inlinable
    public var values: ValueIterator {
        @_lifetime(copy self)
        get { ValueIterator(bytes, fields) }
    }
}
