/// Reads fields the way encoders write them: in number order, each once, known ones only.
///
/// The hot path. It gives nil for anything else, malformed or merely unusual, and changes nothing then: the message part
/// is read again with a ``ProtobufCursor``, which takes any legal form and names errors. So this one needs no errors and
/// is small enough to be inlined.
///
/// A field is looked for where the order puts it, and sizes of varints are guessed: branches that the processor
/// predicts, so that reading a field does not wait for the size of the one before. Every load is checked; loads of
/// several bytes may go beyond the field, never beyond the message.
@usableFromInline
struct CanonicalCursor: ~Escapable {
    /// The whole message, of which `offset..<end` is left to read.
    @usableFromInline let bytes: RawSpan
    @usableFromInline var offset: Int
    @usableFromInline let end: Int

    /// A cursor over a part of the message; both ends have to be inside.
    @inlinable
    @inline(__always)
    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, from offset: Int, to end: Int) {
        precondition(offset >= 0 && end <= bytes.byteCount, "field outside of its message")
        self.bytes = bytes
        self.offset = offset
        self.end = end
    }

    @inlinable
    var isAtEnd: Bool {
        @inline(__always) get { offset >= end }
    }

    /// Moves behind the next tag if it is `tag`, which has to be below 128.
    @inlinable
    @inline(__always)
    mutating func take(_ tag: UInt64) -> Bool {
        guard offset < end, byte(at: offset) == tag else { return false }
        offset &+= 1
        return true
    }

    /// Reads a length and gives the range of the content, moving behind it.
    @inlinable
    @inline(__always)
    mutating func takeBytes() -> Range<Int>? {
        guard let length = takeVarint(), length <= UInt64(truncatingIfNeeded: end &- offset) else { return nil }
        let start = offset
        offset &+= Int(truncatingIfNeeded: length)
        return Range(uncheckedBounds: (start, offset))
    }

    /// Reads a varint that most often has one or two bytes.
    @inlinable
    @inline(__always)
    mutating func takeVarint() -> UInt64? {
        guard offset < end else { return nil }
        let first = byte(at: offset)
        offset &+= 1
        guard first >= 0x80 else { return first }
        guard offset < end else { return nil }
        let second = byte(at: offset)
        offset &+= 1
        guard second >= 0x80 else { return first & 0x7F | second &<< 7 }
        offset &-= 2
        return takeLongVarint()
    }

    /// Reads a varint that most often has `expectedSize` bytes.
    @inlinable
    @inline(__always)
    mutating func takeVarint(expectedSize: Int) -> UInt64? {
        guard bytes.byteCount &- offset >= Varint.maximumSize else { return nil }
        let word = loadWord(at: offset)
        let mask = UInt64.max &>> UInt64(truncatingIfNeeded: 64 &- expectedSize &* 8)
        let tops = 0x8080_8080_8080_8080 & mask
        guard word & tops == tops &>> 8, end &- offset >= expectedSize else { return takeLongVarint() }
        offset &+= expectedSize
        return Varint.join(word & mask)
    }

    @inlinable
    @inline(__always)
    mutating func takeLongVarint() -> UInt64? {
        let (value, size) = CanonicalCursor.longVarint(bytes, at: offset)
        guard size <= end &- offset else { return nil }
        offset &+= size
        return value
    }

    /// Reads a varint of any size; gives `Int.max` as its size if it is malformed or too near to the message's end.
    @usableFromInline
    @inline(never)
    static func longVarint(_ bytes: RawSpan, at offset: Int) -> (value: UInt64, size: Int) {
        let cursor = CanonicalCursor(bytes, from: offset, to: bytes.byteCount)
        guard bytes.byteCount &- offset >= Varint.maximumSize else { return (0, Int.max) }
        let word = cursor.loadWord(at: offset)
        let stops = ~word & 0x8080_8080_8080_8080
        guard stops == 0 else {
            // The lowest clear top bit is in the last byte; everything above it belongs to what follows.
            let bits = stops.trailingZeroBitCount &+ 1
            return (Varint.join(word & (UInt64.max &>> UInt64(truncatingIfNeeded: 64 &- bits))), bits &>> 3)
        }
        let value = Varint.join(word)
        let ninth = cursor.byte(at: offset &+ 8)
        guard ninth >= 0x80 else { return (value | ninth &<< 56, 9) }
        let tenth = cursor.byte(at: offset &+ 9)
        guard tenth <= 1 else { return (0, Int.max) }
        return (value | (ninth & 0x7F) &<< 56 | tenth &<< 63, 10)
    }

    /// Loads eight bytes, the first as the lowest, whose presence the caller has checked.
    @inlinable
    @inline(__always)
    func loadWord(at offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
    }

    /// Loads a byte whose presence the caller has checked.
    @inlinable
    @inline(__always)
    func byte(at offset: Int) -> UInt64 {
        UInt64(bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self))
    }
}
