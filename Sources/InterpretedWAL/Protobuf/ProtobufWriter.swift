public import PostgresWAL

/// The pieces of the protobuf form, for encoders that write records straight into an ``OutputBuffer``.
///
/// Lengths come before contents, so every piece has a `…Size` function that gives the exact bytes which the function
/// of the same name writes. All writing functions need the piece's size and ``slack`` more writable bytes at the
/// pointer, and give the position after the piece. Fields with zero values are left out where the schema has no
/// presence for them; the bytes are those of the reference.
///
/// ```
/// InterpretedWalRecords   record*  batchTail
///   record                0a <length> [0a <length> metadata] 12 <length> values  recordTail
///     values              [0a <length> raw] (serializedValue | observedValue)* valuesTail
/// ```
///
/// Source: `wal-interpretation.md` §13.
public enum ProtobufWriter {
    /// The bytes beyond a piece's end that may be overwritten with anything: pieces are written in whole words.
    public static let slack = 32

    // MARK: Fields

    /// The bytes of a varint field that is always written.
    @inlinable
    @inline(__always)
    public static func fieldSize(_ value: UInt64) -> Int {
        1 &+ Varint.size(value)
    }

    /// The bytes of a varint field that is left out when zero.
    @inlinable
    @inline(__always)
    public static func implicitFieldSize(_ value: UInt64) -> Int {
        value == 0 ? 0 : fieldSize(value)
    }

    /// The bytes of a field with `length` bytes of content: tag, length, content.
    @inlinable
    @inline(__always)
    public static func bytesFieldSize(_ length: Int) -> Int {
        fieldSize(UInt64(truncatingIfNeeded: length)) &+ length
    }

    /// Writes a varint field.
    @inlinable
    @inline(__always)
    public static func writeField(
        _ tag: UInt64,
        _ value: UInt64,
        at pointer: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        pointer.storeBytes(of: UInt8(truncatingIfNeeded: tag), as: UInt8.self)
        return Varint.write(value, at: pointer + 1)
    }

    /// Writes a varint field unless it is zero.
    @inlinable
    @inline(__always)
    public static func writeImplicitField(
        _ tag: UInt64,
        _ value: UInt64,
        at pointer: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        value == 0 ? pointer : writeField(tag, value, at: pointer)
    }

    /// Writes the tag and the length of a field with content.
    @inlinable
    @inline(__always)
    public static func writeHeader(
        _ tag: UInt64,
        length: Int,
        at pointer: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        writeField(tag, UInt64(truncatingIfNeeded: length), at: pointer)
    }

    // MARK: Values

    /// The content of a serialized value's entry, without tag and length.
    @inlinable
    @inline(__always)
    static func serializedValueContentSize(key: EncodedKey, lsn: EncodedVarint, offset: Int, length: Int) -> Int {
        let position = fieldSize(UInt64(truncatingIfNeeded: offset)) &+ fieldSize(UInt64(truncatingIfNeeded: length))
        return key.size &+ lsn.fieldSize &+ position &+ 2
    }

    /// The content of an observed value's entry, without tag and length.
    @inlinable
    @inline(__always)
    static func observedValueContentSize(key: EncodedKey, lsn: EncodedVarint) -> Int {
        2 &+ key.size &+ lsn.fieldSize
    }

    /// The bytes of a serialized value's entry in a record's values.
    @inlinable
    @inline(__always)
    public static func serializedValueSize(key: EncodedKey, lsn: EncodedVarint, offset: Int, length: Int) -> Int {
        bytesFieldSize(serializedValueContentSize(key: key, lsn: lsn, offset: offset, length: length))
    }

    /// The bytes of an observed value's entry in a record's values.
    @inlinable
    @inline(__always)
    public static func observedValueSize(key: EncodedKey, lsn: EncodedVarint) -> Int {
        bytesFieldSize(observedValueContentSize(key: key, lsn: lsn))
    }

    /// Writes a serialized value's entry.
    @inlinable
    @inline(__always)
    public static func writeSerializedValue(
        key: EncodedKey,
        lsn: EncodedVarint,
        offset: Int,
        length: Int,
        willInit: Bool,
        at pointer: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        let size = serializedValueContentSize(key: key, lsn: lsn, offset: offset, length: length)
        var next = writeHeader(ProtobufTag.Values.metadata, length: size, at: pointer)
        next = key.write(at: next)
        next = lsn.write(ProtobufTag.Value.lsn, at: next)
        next = writeField(ProtobufTag.Value.offset, UInt64(truncatingIfNeeded: offset), at: next)
        next = writeField(ProtobufTag.Value.length, UInt64(truncatingIfNeeded: length), at: next)
        return writeField(ProtobufTag.Value.willInit, willInit ? 1 : 0, at: next)
    }

    /// Writes an observed value's entry.
    @inlinable
    @inline(__always)
    public static func writeObservedValue(
        key: EncodedKey,
        lsn: EncodedVarint,
        at pointer: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        let size = observedValueContentSize(key: key, lsn: lsn)
        var next = writeHeader(ProtobufTag.Values.metadata, length: size, at: pointer)
        next = writeField(ProtobufTag.Value.type, 1, at: next)
        next = key.write(at: next)
        return lsn.write(ProtobufTag.Value.lsn, at: next)
    }

    // MARK: Tails

    /// The bytes of what follows a record's values: greatest LSN and count of serialized values.
    @inlinable
    @inline(__always)
    public static func valuesTailSize(maxLSN: EncodedVarint, count: Int) -> Int {
        maxLSN.fieldSize &+ implicitFieldSize(UInt64(truncatingIfNeeded: count))
    }

    /// Writes what follows a record's values.
    @inlinable
    @inline(__always)
    public static func writeValuesTail(
        maxLSN: EncodedVarint,
        count: Int,
        at pointer: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        let next = maxLSN.write(ProtobufTag.Values.maxLSN, at: pointer)
        return writeImplicitField(ProtobufTag.Values.count, UInt64(truncatingIfNeeded: count), at: next)
    }

    /// The bytes of a record's end.
    @inlinable
    @inline(__always)
    public static func recordTailSize(nextRecordLSN: EncodedVarint, flushUncommitted: Bool, xid: UInt32) -> Int {
        nextRecordLSN.fieldSize &+ (flushUncommitted ? 2 : 0) &+ implicitFieldSize(UInt64(xid))
    }

    /// Writes a record's end.
    @inlinable
    @inline(__always)
    public static func writeRecordTail(
        nextRecordLSN: EncodedVarint,
        flushUncommitted: Bool,
        xid: UInt32,
        at pointer: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        var next = nextRecordLSN.write(ProtobufTag.Record.nextRecordLSN, at: pointer)
        next = writeImplicitField(ProtobufTag.Record.flushUncommitted, flushUncommitted ? 1 : 0, at: next)
        return writeImplicitField(ProtobufTag.Record.xid, UInt64(xid), at: next)
    }

    /// The bytes of a message's end.
    @inlinable
    public static func batchTailSize(nextRecordLSN: LSN, rawWALStartLSN: LSN?) -> Int {
        fieldSize(nextRecordLSN.rawValue) + (rawWALStartLSN.map { fieldSize($0.rawValue) } ?? 0)
    }

    /// Writes a message's end, which is what an empty message consists of.
    @inlinable
    public static func writeBatchTail(
        nextRecordLSN: LSN,
        rawWALStartLSN: LSN?,
        at pointer: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        let next = writeField(ProtobufTag.Batch.nextRecordLSN, nextRecordLSN.rawValue, at: pointer)
        guard let rawWALStartLSN else { return next }
        return writeField(ProtobufTag.Batch.rawWALStartLSN, rawWALStartLSN.rawValue, at: next)
    }
}
