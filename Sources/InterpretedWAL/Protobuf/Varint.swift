/// Protobuf's variable-length integers: 7 bits a byte, the lowest first, the top bit set on all but the last.
public enum Varint {
    /// The bytes of the longest varint, and the room that ``write(_:at:)`` needs.
    public static let maximumSize = 10

    /// The bytes that `value` takes, 1 to 10.
    @inlinable
    @inline(__always)
    public static func size(_ value: UInt64) -> Int {
        // ceil(bits / 7) without a division: (9 * bits + 64) / 64 is the same for 1 to 64 bits.
        let bits = 64 &- (value | 1).leadingZeroBitCount
        return (bits &* 9 &+ 64) &>> 6
    }

    /// Writes `value` at `pointer` and gives the position after it.
    ///
    /// Needs ``maximumSize`` writable bytes at `pointer`, whatever the value: bytes after the varint may be overwritten
    /// with anything.
    @inlinable
    @inline(__always)
    public static func write(_ value: UInt64, at pointer: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        if value < 0x80 {
            pointer.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
            return pointer + 1
        }
        if value < 0x4000 {
            let both = UInt16(truncatingIfNeeded: value & 0x7F | 0x80 | value &<< 1 & 0x7F00)
            pointer.storeBytes(of: both.littleEndian, as: UInt16.self)
            return pointer + 2
        }
        return writeLong(value, at: pointer)
    }

    /// Spreads the low 56 bits over 8 bytes at once, then appends what is above.
    @inlinable
    static func writeLong(_ value: UInt64, at pointer: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        let size = Varint.size(value)
        let continuation = 0x8080_8080_8080_8080 as UInt64
        let groups = spread(value & 0x00FF_FFFF_FFFF_FFFF)
        if size <= 8 {
            // All bytes but the last carry the top bit.
            let flags = continuation & ((1 &<< (UInt64(size) &* 8 &- 8)) &- 1)
            pointer.storeBytes(of: (groups | flags).littleEndian, as: UInt64.self)
            return pointer + size
        }
        pointer.storeBytes(of: (groups | continuation).littleEndian, as: UInt64.self)
        let rest = value &>> 56
        let ninth = UInt8(truncatingIfNeeded: rest & 0x7F) | (size == 10 ? 0x80 : 0)
        pointer.storeBytes(of: ninth, toByteOffset: 8, as: UInt8.self)
        pointer.storeBytes(of: UInt8(truncatingIfNeeded: rest &>> 7), toByteOffset: 9, as: UInt8.self)
        return pointer + size
    }

    /// Puts each 7 of the low 56 bits into a byte of its own.
    @inlinable
    @inline(__always)
    static func spread(_ value: UInt64) -> UInt64 {
        var bits = value
        bits = (bits & 0x0000_0000_0FFF_FFFF) | (bits & 0x00FF_FFFF_F000_0000) &<< 4
        bits = (bits & 0x0000_3FFF_0000_3FFF) | (bits & 0x0FFF_C000_0FFF_C000) &<< 2
        return (bits & 0x007F_007F_007F_007F) | (bits & 0x3F80_3F80_3F80_3F80) &<< 1
    }

    /// Joins the low 7 bits of each byte: the inverse of ``spread(_:)``.
    @inlinable
    @inline(__always)
    static func join(_ groups: UInt64) -> UInt64 {
        var bits = groups
        bits = (bits & 0x007F_007F_007F_007F) | (bits & 0x7F00_7F00_7F00_7F00) &>> 1
        bits = (bits & 0x0000_3FFF_0000_3FFF) | (bits & 0x3FFF_0000_3FFF_0000) &>> 2
        return (bits & 0x0000_0000_0FFF_FFFF) | (bits & 0x0FFF_FFFF_0000_0000) &>> 4
    }
}
