import PostgresWAL

extension InterpretedBatch {
    /// Decodes a message in protobuf form that takes up all of `bytes`, metadata included.
    ///
    /// Throws what ``InterpretedBatchParser`` throws, and ``WireError/metadataRecord(_:nextRecordLSN:)``.
    public init(protobuf bytes: RawSpan) throws(WireError) {
        var parser = try InterpretedBatchParser(bytes)
        self.init(nextRecordLSN: parser.nextRecordLSN, rawWALStartLSN: parser.rawWALStartLSN)
        while let record = try parser.nextRecord() {
            records.append(try InterpretedRecord(record))
        }
    }
}

extension InterpretedRecord {
    /// Decodes one record's message, which takes up all of `bytes`, metadata included.
    ///
    /// Throws ``WireError`` for a malformed record.
    public init(protobuf bytes: RawSpan) throws(WireError) {
        try self.init(RecordView(bytes, try RecordFields(ProtobufCursor(bytes))))
    }

    /// Decodes all that a view shows.
    public init(_ view: borrowing RecordView) throws(WireError) {
        self.init(
            metadata: try view.decodeMetadata(),
            batch: try SerializedValueBatch(view),
            nextRecordLSN: view.nextRecordLSN,
            flushUncommitted: view.flushUncommitted,
            xid: view.xid
        )
    }
}

extension SerializedValueBatch {
    fileprivate init(_ view: borrowing RecordView) throws(WireError) {
        self.init(rawBytes: view.raw.withUnsafeBytes { [UInt8]($0) }, maxLSN: view.maxLSN)
        var values = view.values
        while let value = try values.next() {
            metadata.append(value)
            if case .serialized = value { count += 1 }
        }
    }
}
