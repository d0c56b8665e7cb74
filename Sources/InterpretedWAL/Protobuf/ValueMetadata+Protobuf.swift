public import PostgresWAL
public import ShardIdentity

/// Reading of a ValueMeta whose value has to lie in `rawSize` bytes.
///
/// Source: `wal-interpretation.md` §13.
extension ValueMetadata {
    // MARK: Fields in order

    /// Reads an entry as encoders write it; nil for anything else.
    @inlinable
    @inline(__always)
    init?(canonical source: borrowing CanonicalCursor, rawSize: Int) {
        var cursor = copy source
        var type: UInt64 = 0
        if cursor.take(ProtobufTag.Value.type) {
            guard let value = cursor.takeVarint() else { return nil }
            type = value
        }
        guard cursor.take(ProtobufTag.Value.key), let content = cursor.takeBytes(),
            let key = CompactKey(
                canonical: CanonicalCursor(cursor.bytes, from: content.lowerBound, to: content.upperBound)
            )
        else { return nil }
        var lsn = LSN(0)
        if cursor.take(ProtobufTag.Value.lsn) {
            guard let value = cursor.takeVarint(expectedSize: 5) else { return nil }
            lsn = LSN(value)
        }
        if type == 1, cursor.isAtEnd {
            self = .observed(key: key, lsn: lsn)
            return
        }
        guard type == 0,
            cursor.take(ProtobufTag.Value.offset), let offset = cursor.takeVarint(),
            cursor.take(ProtobufTag.Value.length), let length = cursor.takeVarint(),
            cursor.take(ProtobufTag.Value.willInit), let willInit = cursor.takeVarint(),
            cursor.isAtEnd,
            offset <= UInt64(truncatingIfNeeded: rawSize), length <= UInt64(truncatingIfNeeded: rawSize) &- offset
        else { return nil }
        self = .serialized(
            key: key,
            lsn: lsn,
            offset: Int(truncatingIfNeeded: offset),
            length: Int(truncatingIfNeeded: length),
            willInit: willInit != 0
        )
    }

    // MARK: Fields in any order

    /// Reads an entry in any legal form.
    init(_ source: consuming ProtobufCursor, rawSize: Int) throws(WireError) {
        var type: Int32 = 0
        var key: CompactKey?
        var lsn = LSN(0)
        var offset: UInt64?
        var length: UInt64?
        var willInit: Bool?
        while !source.isAtEnd {
            let tag = try source.readVarint()
            switch tag {
            case ProtobufTag.Value.type:
                type = Int32(truncatingIfNeeded: try source.readVarint())
            case ProtobufTag.Value.key:
                guard key == nil else { throw .repeatedField(.key, offset: source.offset) }
                let content = try source.readBytes()
                key = try CompactKey(ProtobufCursor(source.bytes, in: content))
            case ProtobufTag.Value.lsn:
                lsn = LSN(try source.readVarint())
            case ProtobufTag.Value.offset:
                offset = try source.readVarint()
            case ProtobufTag.Value.length:
                length = try source.readVarint()
            case ProtobufTag.Value.willInit:
                willInit = try source.readVarint() != 0
            default:
                try source.skip(tag: tag, knownFields: 6)
            }
        }
        guard let key else { throw .missingField(.key) }
        guard type == 0 else {
            guard type == 1 else { throw .unexpectedValueType(type) }
            self = .observed(key: key, lsn: lsn)
            return
        }
        guard let offset else { throw .missingField(.batchOffset) }
        guard let length else { throw .missingField(.length) }
        guard let willInit else { throw .missingField(.willInit) }
        guard offset <= UInt64(rawSize), length <= UInt64(rawSize) - offset else {
            throw .valueOutOfBounds(lsn: lsn, offset: offset, length: length, rawSize: rawSize)
        }
        self = .serialized(key: key, lsn: lsn, offset: Int(offset), length: Int(length), willInit: willInit)
    }
}

extension CompactKey {
    /// Reads a key as encoders write it; nil for anything else.
    ///
    /// Keys of relations have eight bytes or more in each half.
    @inlinable
    @inline(__always)
    init?(canonical source: borrowing CanonicalCursor) {
        var cursor = copy source
        self.init(high: 0, low: 0)
        if cursor.take(ProtobufTag.Key.high) {
            guard let value = cursor.takeVarint(expectedSize: 8) else { return nil }
            high = value
        }
        if cursor.take(ProtobufTag.Key.low) {
            guard let value = cursor.takeVarint(expectedSize: 8) else { return nil }
            low = value
        }
        guard cursor.isAtEnd else { return nil }
    }

    /// Reads a key in any legal form.
    fileprivate init(_ source: consuming ProtobufCursor) throws(WireError) {
        self.init(high: 0, low: 0)
        while !source.isAtEnd {
            let tag = try source.readVarint()
            switch tag {
            case ProtobufTag.Key.high: high = try source.readVarint()
            case ProtobufTag.Key.low: low = try source.readVarint()
            default: try source.skip(tag: tag, knownFields: 2)
            }
        }
    }
}
