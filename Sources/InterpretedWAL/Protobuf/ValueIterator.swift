/// Reads the entries of one record's values.
///
/// Source: `wal-interpretation.md` §13 (ValueMeta).
public struct ValueIterator: ~Escapable {
    @usableFromInline let bytes: RawSpan
    @usableFromInline var offset: Int
    @usableFromInline let end: Int
    @usableFromInline let rawSize: Int
    @usableFromInline let declaredCount: UInt64
    @usableFromInline var serializedCount = 0

    @inlinable
    @inline(__always)
    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, _ fields: RecordFields) {
        self.bytes = bytes
        offset = fields.values.lowerBound
        end = fields.values.upperBound
        rawSize = fields.raw.count
        declaredCount = fields.valueCount
    }

    /// Reads the next entry; nil after the last one.
    ///
    /// A serialized value that is given lies inside of ``RecordView/raw``. Throws for malformed entries, values outside
    /// of the raw bytes, and at the end if the number of serialized values is not the declared one.
    @inlinable
    @inline(__always)
    public mutating func next() throws(WireError) -> ValueMetadata? {
        if offset == end, declaredCount == UInt64(truncatingIfNeeded: serializedCount) { return nil }
        guard let value = nextCanonical() else { return try nextGeneral() }
        return value
    }

    @inlinable
    @inline(__always)
    mutating func nextCanonical() -> ValueMetadata? {
        var cursor = CanonicalCursor(bytes, from: offset, to: end)
        guard cursor.take(ProtobufTag.Values.metadata), let content = cursor.takeBytes() else { return nil }
        let source = CanonicalCursor(bytes, from: content.lowerBound, to: content.upperBound)
        guard let value = ValueMetadata(canonical: source, rawSize: rawSize) else { return nil }
        offset = content.upperBound
        if case .serialized = value { serializedCount &+= 1 }
        return value
    }

    @usableFromInline
    @inline(never)
    mutating func nextGeneral() throws(WireError) -> ValueMetadata? {
        var cursor = ProtobufCursor(bytes, in: offset..<end)
        while !cursor.isAtEnd {
            let tag = try cursor.readVarint()
            switch tag {
            case ProtobufTag.Values.metadata:
                let content = try cursor.readBytes()
                let value = try ValueMetadata(ProtobufCursor(bytes, in: content), rawSize: rawSize)
                offset = content.upperBound
                if case .serialized = value { serializedCount += 1 }
                return value
            case ProtobufTag.Values.raw:
                _ = try cursor.readBytes()
            case ProtobufTag.Values.maxLSN, ProtobufTag.Values.count:
                _ = try cursor.readVarint()
            default:
                try cursor.skip(tag: tag, knownFields: 4)
            }
        }
        offset = end
        guard declaredCount == UInt64(serializedCount) else {
            throw .valueCountMismatch(declared: declaredCount, found: serializedCount)
        }
        return nil
    }
}
