/// A position in a protobuf message, bounded by the end of the field being read.
///
/// Every read checks against that bound before it loads; the loads themselves are unchecked.
@usableFromInline
package struct ProtobufCursor: ~Escapable {
    /// The whole message, of which `offset..<end` is left to read.
    @usableFromInline let bytes: RawSpan
    @usableFromInline package var offset: Int
    @usableFromInline let end: Int

    /// A cursor over all of `bytes`.
    @inlinable
    @_lifetime(copy bytes)
    package init(_ bytes: RawSpan) {
        self.init(bytes, in: 0..<bytes.byteCount)
    }

    /// A cursor over a field's content, whose range a cursor over the same bytes has given.
    @inlinable
    @inline(__always)
    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, in range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.byteCount, "field outside of its message")
        self.bytes = bytes
        offset = range.lowerBound
        end = range.upperBound
    }

    @inlinable
    package var isAtEnd: Bool {
        @inline(__always) get { offset >= end }
    }

    /// Reads a varint.
    @inlinable
    @inline(__always)
    package mutating func readVarint() throws(WireError) -> UInt64 {
        guard offset < end else { throw truncated(needed: 1) }
        let first = load(at: offset, as: UInt8.self)
        guard first >= 0x80 else {
            offset &+= 1
            return UInt64(first)
        }
        return try readLongVarint()
    }

    /// Reads a varint of two bytes or more, eight of them at once.
    ///
    /// Loads up to 10 bytes, which may lie beyond the field as long as they are in the message; that the varint ends
    /// inside of the field is checked afterwards.
    @inlinable
    mutating func readLongVarint() throws(WireError) -> UInt64 {
        guard bytes.byteCount &- offset >= Varint.maximumSize else { return try readVarintByBytes() }
        let word = UInt64(littleEndian: load(at: offset, as: UInt64.self))
        let stops = ~word & 0x8080_8080_8080_8080
        var value: UInt64
        var size: Int
        if stops != 0 {
            // The lowest stop is the top bit of the last byte; everything above it belongs to what follows.
            let bits = stops.trailingZeroBitCount &+ 1
            value = Varint.join(word & (UInt64.max &>> UInt64(64 &- bits)))
            size = bits &>> 3
        } else {
            let ninth = load(at: offset &+ 8, as: UInt8.self)
            value = Varint.join(word) | UInt64(ninth & 0x7F) &<< 56
            size = 9
            if ninth >= 0x80 {
                let tenth = load(at: offset &+ 9, as: UInt8.self)
                guard tenth <= 1 else { throw .invalidVarint(offset: offset) }
                value |= UInt64(tenth) &<< 63
                size = 10
            }
        }
        guard size <= end &- offset else { throw truncated(needed: UInt64(size)) }
        offset &+= size
        return value
    }

    /// Reads a varint near the message's end.
    @usableFromInline
    @inline(never)
    mutating func readVarintByBytes() throws(WireError) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<Varint.maximumSize {
            guard index < end - offset else { throw truncated(needed: UInt64(index + 1)) }
            let byte = load(at: offset + index, as: UInt8.self)
            guard index < Varint.maximumSize - 1 || byte <= 1 else { break }
            value |= UInt64(byte & 0x7F) << (7 * UInt64(index))
            guard byte >= 0x80 else {
                offset += index + 1
                return value
            }
        }
        throw .invalidVarint(offset: offset)
    }

    /// Reads a length and gives the range of the content, moving behind it.
    @inlinable
    @inline(__always)
    package mutating func readBytes() throws(WireError) -> Range<Int> {
        let length = try readVarint()
        guard length <= UInt64(truncatingIfNeeded: end &- offset) else { throw truncated(needed: length) }
        let start = offset
        offset &+= Int(truncatingIfNeeded: length)
        return Range(uncheckedBounds: (start, offset))
    }

    /// Skips the content of a field that is not in the schema, whose fields are numbered up to `knownFields`.
    @usableFromInline
    @inline(never)
    mutating func skip(tag: UInt64, knownFields: UInt64) throws(WireError) {
        let field = UInt32(truncatingIfNeeded: tag >> 3)
        guard tag <= UInt32.max, field != 0 else { throw .invalidTag(tag, offset: offset) }
        let wireType = UInt8(tag & 7)
        guard field > knownFields else { throw .wireTypeMismatch(wireType, field: field, offset: offset) }
        switch wireType {
        case 0: _ = try readVarint()
        case 1: try skipFixed(8)
        case 2: _ = try readBytes()
        case 5: try skipFixed(4)
        default: throw .unsupportedWireType(wireType, field: field, offset: offset)
        }
    }

    private mutating func skipFixed(_ size: Int) throws(WireError) {
        guard end - offset >= size else { throw truncated(needed: UInt64(size)) }
        offset += size
    }

    /// Loads bytes whose presence the caller has checked.
    @inlinable
    @inline(__always)
    func load<Value: BitwiseCopyable>(at offset: Int, as type: Value.Type) -> Value {
        bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: type)
    }

    @usableFromInline
    @inline(never)
    func truncated(needed: UInt64) -> WireError {
        .truncated(offset: offset, needed: needed, available: end - offset)
    }
}
