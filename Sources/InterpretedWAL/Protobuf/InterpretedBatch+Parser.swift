import PostgresWAL

extension InterpretedBatch {
    /// The default of the most records and values that are made into objects, 4 million.
    ///
    /// An object takes some 120 bytes, a record on the wire as few as four.
    public static let defaultEntryLimit = 4 << 20

    /// Decodes a message in protobuf form that takes up all of `bytes`, metadata included.
    ///
    /// Throws what ``InterpretedBatchParser`` throws, ``WireError/metadataRecord(_:nextRecordLSN:)``, and
    /// ``WireError/tooManyEntries(limit:)`` for more than `entryLimit` records and values.
    public init(protobuf bytes: RawSpan, entryLimit: Int = InterpretedBatch.defaultEntryLimit) throws(WireError) {
        var parser = try InterpretedBatchParser(bytes)
        var entriesLeft = entryLimit - parser.recordCount
        guard entriesLeft >= 0 else { throw .tooManyEntries(limit: entryLimit) }
        self.init(nextRecordLSN: parser.nextRecordLSN, rawWALStartLSN: parser.rawWALStartLSN)
        while let view = try parser.nextRecord() {
            guard let record = try InterpretedRecord(view, valueLimit: entriesLeft) else {
                throw .tooManyEntries(limit: entryLimit)
            }
            entriesLeft -= record.batch.metadata.count
            records.append(record)
        }
    }
}

extension InterpretedRecord {
    /// Decodes one record's message, which takes up all of `bytes`, metadata included.
    ///
    /// Throws ``WireError`` for a malformed record.
    public init(protobuf bytes: RawSpan) throws(WireError) {
        let limit = InterpretedBatch.defaultEntryLimit
        let view = RecordView(bytes, try RecordFields(ProtobufCursor(bytes)))
        guard let record = try InterpretedRecord(view, valueLimit: limit) else { throw .tooManyEntries(limit: limit) }
        self = record
    }

    /// Decodes all that a view shows; nil for more than `valueLimit` values.
    init?(_ view: borrowing RecordView, valueLimit: Int) throws(WireError) {
        guard let batch = try SerializedValueBatch(view, limit: valueLimit) else { return nil }
        self.init(
            metadata: try view.decodeMetadata(),
            batch: batch,
            nextRecordLSN: view.nextRecordLSN,
            flushUncommitted: view.flushUncommitted,
            xid: view.xid
        )
    }
}

extension SerializedValueBatch {
    fileprivate init?(_ view: borrowing RecordView, limit: Int) throws(WireError) {
        self.init(rawBytes: view.raw.array, maxLSN: view.maxLSN)
        var values = view.values
        while let value = try values.next() {
            guard metadata.count < limit else { return nil }
            metadata.append(value)
            if case .serialized = value { count += 1 }
        }
    }
}
