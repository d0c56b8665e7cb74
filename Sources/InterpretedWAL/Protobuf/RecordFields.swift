public import PostgresWAL

/// The fields of an InterpretedWalRecord and of the SerializedValueBatch in it, contents as ranges of the message.
///
/// Source: `wal-interpretation.md` §13.
@usableFromInline
struct RecordFields {
    @usableFromInline var metadata: Range<Int>?
    @usableFromInline var raw = 0..<0
    /// From the first value's entry to the end of the last one; other fields may lie between.
    @usableFromInline var values = 0..<0
    @usableFromInline var maxLSN = LSN(0)
    @usableFromInline var valueCount: UInt64 = 0
    @usableFromInline var nextRecordLSN = LSN(0)
    @usableFromInline var xid: UInt32 = 0
    @usableFromInline var flushUncommitted = false

    @inlinable
    @inline(__always)
    init() {}
}

// MARK: - Fields in order

extension RecordFields {
    /// Reads a record as encoders write it; false for anything else, the fields being useless then.
    @inlinable
    @inline(__always)
    mutating func read(canonical source: borrowing CanonicalCursor) -> Bool {
        var cursor = copy source
        if cursor.take(ProtobufTag.Record.metadata) {
            guard let range = cursor.takeBytes() else { return false }
            metadata = range
        }
        guard cursor.take(ProtobufTag.Record.batch), let batch = cursor.takeBytes(),
            readBatch(CanonicalCursor(cursor.bytes, from: batch.lowerBound, to: batch.upperBound))
        else { return false }
        if cursor.take(ProtobufTag.Record.nextRecordLSN) {
            guard let value = cursor.takeVarint(expectedSize: 5) else { return false }
            nextRecordLSN = LSN(value)
        }
        if cursor.take(ProtobufTag.Record.flushUncommitted) {
            guard let value = cursor.takeVarint() else { return false }
            flushUncommitted = value != 0
        }
        if cursor.take(ProtobufTag.Record.xid) {
            guard let value = cursor.takeVarint() else { return false }
            xid = UInt32(truncatingIfNeeded: value)
        }
        return cursor.isAtEnd
    }

    @inlinable
    @inline(__always)
    mutating func readBatch(_ source: borrowing CanonicalCursor) -> Bool {
        var cursor = copy source
        if cursor.take(ProtobufTag.Values.raw) {
            guard let range = cursor.takeBytes() else { return false }
            raw = range
        }
        let start = cursor.offset
        while cursor.take(ProtobufTag.Values.metadata) {
            guard cursor.takeBytes() != nil else { return false }
        }
        values = Range(uncheckedBounds: (start, cursor.offset))
        if cursor.take(ProtobufTag.Values.maxLSN) {
            guard let value = cursor.takeVarint(expectedSize: 5) else { return false }
            maxLSN = LSN(value)
        }
        if cursor.take(ProtobufTag.Values.count) {
            guard let value = cursor.takeVarint() else { return false }
            valueCount = value
        }
        return cursor.isAtEnd
    }
}

// MARK: - Fields in any order

extension RecordFields {
    /// Reads a record in any legal form.
    ///
    /// Throws ``WireError/missingField(_:)`` if it has no values field, not even an empty one.
    init(_ source: consuming ProtobufCursor) throws(WireError) {
        self.init()
        var hasBatch = false
        while !source.isAtEnd {
            let tag = try source.readVarint()
            switch tag {
            case ProtobufTag.Record.metadata:
                metadata = try source.readBytes()
            case ProtobufTag.Record.batch:
                guard !hasBatch else { throw .repeatedField(.batch, offset: source.offset) }
                hasBatch = true
                let content = try source.readBytes()
                try readBatch(ProtobufCursor(source.bytes, in: content))
            case ProtobufTag.Record.nextRecordLSN:
                nextRecordLSN = LSN(try source.readVarint())
            case ProtobufTag.Record.flushUncommitted:
                flushUncommitted = try source.readVarint() != 0
            case ProtobufTag.Record.xid:
                xid = UInt32(truncatingIfNeeded: try source.readVarint())
            default:
                try source.skip(tag: tag, knownFields: 5)
            }
        }
        guard hasBatch else { throw .missingField(.batch) }
    }

    private mutating func readBatch(_ source: consuming ProtobufCursor) throws(WireError) {
        while !source.isAtEnd {
            let start = source.offset
            let tag = try source.readVarint()
            switch tag {
            case ProtobufTag.Values.raw:
                raw = try source.readBytes()
            case ProtobufTag.Values.metadata:
                let end = try source.readBytes().upperBound
                values = (values.isEmpty ? start : values.lowerBound)..<end
            case ProtobufTag.Values.maxLSN:
                maxLSN = LSN(try source.readVarint())
            case ProtobufTag.Values.count:
                valueCount = try source.readVarint()
            default:
                try source.skip(tag: tag, knownFields: 4)
            }
        }
    }
}
