public import PostgresWAL
public import ShardIdentity

/// Reads the entries of one record's values.
///
/// Source: `wal-interpretation.md` §13 (ValueMeta).
public struct ValueIterator: ~Escapable {
    @usableFromInline var cursor: ProtobufCursor
    @usableFromInline let rawSize: Int
    @usableFromInline let declaredCount: UInt64
    @usableFromInline var serializedCount = 0

    @inlinable
    @inline(__always)
    @_lifetime(copy cursor)
    init(_ cursor: consuming ProtobufCursor, rawSize: Int, declaredCount: UInt64) {
        self.cursor = cursor
        self.rawSize = rawSize
        self.declaredCount = declaredCount
    }

    /// Reads the next entry; nil after the last one.
    ///
    /// A serialized value that is given lies inside of ``RecordView/raw``. Throws for malformed entries, values outside
    /// of the raw bytes, and at the end if the number of serialized values is not the declared one.
    @inlinable
    public mutating func next() throws(WireError) -> ValueMetadata? {
        while !cursor.isAtEnd {
            let tag = try cursor.readVarint()
            switch tag {
            case UInt64(ProtobufTag.Values.metadata):
                let content = try cursor.readBytes()
                return try readValue(ProtobufCursor(cursor.bytes, in: content))
            case UInt64(ProtobufTag.Values.raw):
                _ = try cursor.readBytes()
            case UInt64(ProtobufTag.Values.maxLSN), UInt64(ProtobufTag.Values.count):
                _ = try cursor.readVarint()
            default:
                try cursor.skip(tag: tag, knownFields: 4)
            }
        }
        guard declaredCount == UInt64(truncatingIfNeeded: serializedCount) else {
            throw .valueCountMismatch(declared: declaredCount, found: serializedCount)
        }
        return nil
    }

    @inlinable
    @inline(__always)
    mutating func readValue(_ cursor: consuming ProtobufCursor) throws(WireError) -> ValueMetadata {

        var type: Int32 = 0
        var key: CompactKey?
        var lsn = LSN.invalid
        var offset: UInt64?
        var length: UInt64?
        var willInit: Bool?
        while !cursor.isAtEnd {
            let tag = try cursor.readVarint()
            switch tag {
            case UInt64(ProtobufTag.Value.type):
                type = Int32(truncatingIfNeeded: try cursor.readVarint())
            case UInt64(ProtobufTag.Value.key):
                guard key == nil else { throw .repeatedField(.key, offset: cursor.offset) }
                let content = try cursor.readBytes()
                key = try ValueIterator.readKey(ProtobufCursor(cursor.bytes, in: content))
            case UInt64(ProtobufTag.Value.lsn):
                lsn = LSN(try cursor.readVarint())
            case UInt64(ProtobufTag.Value.offset):
                offset = try cursor.readVarint()
            case UInt64(ProtobufTag.Value.length):
                length = try cursor.readVarint()
            case UInt64(ProtobufTag.Value.willInit):
                willInit = try cursor.readVarint() != 0
            default:
                try cursor.skip(tag: tag, knownFields: 6)
            }
        }
        guard let key else { throw .missingField(.key) }
        guard type == 0 else {
            guard type == 1 else { throw .unexpectedValueType(type) }
            return .observed(key: key, lsn: lsn)
        }
        guard let offset else { throw .missingField(.batchOffset) }
        guard let length else { throw .missingField(.length) }
        guard let willInit else { throw .missingField(.willInit) }
        guard offset <= UInt64(rawSize), length <= UInt64(rawSize) &- offset else {
            throw .valueOutOfBounds(lsn: lsn, offset: offset, length: length, rawSize: rawSize)
        }
        serializedCount &+= 1
        return .serialized(key: key, lsn: lsn, offset: Int(offset), length: Int(length), willInit: willInit)
    }

    @inlinable
    @inline(__always)
    static func readKey(_ cursor: consuming ProtobufCursor) throws(WireError) -> CompactKey {

        var high: UInt64 = 0
        var low: UInt64 = 0
        while !cursor.isAtEnd {
            let tag = try cursor.readVarint()
            switch tag {
            case UInt64(ProtobufTag.Key.high): high = try cursor.readVarint()
            case UInt64(ProtobufTag.Key.low): low = try cursor.readVarint()
            default: try cursor.skip(tag: tag, knownFields: 2)
            }
        }
        return CompactKey(high: high, low: low)
    }
}
