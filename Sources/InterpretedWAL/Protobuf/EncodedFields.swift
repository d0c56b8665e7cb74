public import ShardIdentity

/// A varint ready to be written any number of times.
///
/// An LSN stands in a record's message two to four times, once more for each value; spreading its bits once is most of
/// the work of encoding it.
@frozen
public struct EncodedVarint: Sendable {
    @usableFromInline var low: UInt64
    @usableFromInline var high: UInt16
    /// Bytes of the varint, 1 to 10; 0 for a zero, which fields without presence leave out.
    @usableFromInline var size: Int

    /// Encodes a number; zero becomes no bytes.
    @inlinable
    @inline(__always)
    public init(_ value: UInt64) {
        var bytes: (UInt64, UInt16) = (0, 0)
        size = withUnsafeMutableBytes(of: &bytes) { room in
            guard value != 0, let start = room.baseAddress else { return 0 }
            return Varint.write(value, at: start) - start
        }
        low = bytes.0
        high = bytes.1
    }

    /// Bytes of a field with this number; none if it is zero.
    @inlinable
    @inline(__always)
    var fieldSize: Int { size == 0 ? 0 : 1 &+ size }

    /// Writes a field with this number, none if it is zero, and gives the position after it.
    @inlinable
    @inline(__always)
    func write(_ tag: UInt64, at pointer: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        pointer.storeBytes(of: UInt8(truncatingIfNeeded: tag), as: UInt8.self)
        pointer.storeBytes(of: low, toByteOffset: 1, as: UInt64.self)
        pointer.storeBytes(of: high, toByteOffset: 9, as: UInt16.self)
        return pointer + fieldSize
    }
}

/// The key of a value's entry, as a whole field ready to be written any number of times: tag, length, content.
///
/// An observed value goes to shard zero with the same key as to its owner.
@frozen
public struct EncodedKey: Sendable {
    @usableFromInline var bytes: (UInt64, UInt64, UInt64)
    /// Bytes of the field, 2 to 24.
    @usableFromInline var size: Int

    /// Encodes a key.
    @inlinable
    @inline(__always)
    public init(_ key: CompactKey) {
        var room: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        size = withUnsafeMutableBytes(of: &room) { room in
            guard let start = room.baseAddress else { return 0 }
            var next = ProtobufWriter.writeImplicitField(ProtobufTag.Key.high, key.high, at: start + 2)
            next = ProtobufWriter.writeImplicitField(ProtobufTag.Key.low, key.low, at: next)
            _ = ProtobufWriter.writeHeader(ProtobufTag.Value.key, length: 0, at: start)
            start.storeBytes(of: UInt8(truncatingIfNeeded: next - start - 2), toByteOffset: 1, as: UInt8.self)
            return next - start
        }
        bytes = (room.0, room.1, room.2)
    }

    /// Writes the field and gives the position after it.
    @inlinable
    @inline(__always)
    func write(at pointer: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        pointer.storeBytes(of: bytes.0, as: UInt64.self)
        pointer.storeBytes(of: bytes.1, toByteOffset: 8, as: UInt64.self)
        pointer.storeBytes(of: bytes.2, toByteOffset: 16, as: UInt64.self)
        return pointer + size
    }
}
