/// A position in a protobuf message, bounded by the end of the field being read.
///
/// Every read checks against that bound before it loads, and says what is wrong.
package struct ProtobufCursor: ~Escapable {
    /// The whole message, of which `offset..<end` is left to read.
    let bytes: RawSpan
    package private(set) var offset: Int
    let end: Int

    /// A cursor over all of `bytes`.
    @_lifetime(copy bytes)
    package init(_ bytes: RawSpan) {
        self.init(bytes, in: 0..<bytes.byteCount)
    }

    /// A cursor over a field's content, whose range a cursor over the same bytes has given.
    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, in range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.byteCount, "field outside of its message")
        self.bytes = bytes
        offset = range.lowerBound
        end = range.upperBound
    }

    package var isAtEnd: Bool { offset >= end }

    /// Reads a varint of up to ten bytes.
    package mutating func readVarint() throws(WireError) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<Varint.maximumSize {
            guard index < end - offset else { throw truncated(needed: UInt64(index + 1)) }
            let byte = bytes.unsafeLoad(fromByteOffset: offset + index, as: UInt8.self)
            // The tenth byte holds bit 63 only.
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
    package mutating func readBytes() throws(WireError) -> Range<Int> {
        let length = try readVarint()
        guard length <= UInt64(end - offset) else { throw truncated(needed: length) }
        let start = offset
        offset += Int(length)
        return start..<offset
    }

    /// Skips the content of a field that is not in the schema, whose fields are numbered up to `knownFields`.
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

    func truncated(needed: UInt64) -> WireError {
        .truncated(offset: offset, needed: needed, available: end - offset)
    }
}
