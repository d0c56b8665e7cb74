/// A ``Key`` packed into 128 bits, as it goes over the wire: two unsigned halves.
///
/// Source: `wal-interpretation.md` §7.
@frozen
public struct CompactKey: Hashable, Sendable {
    /// Bits 64 to 127: field 1 (7 bits), field 2 (16 bits), field 3, and the top 8 bits of field 4.
    public var high: UInt64
    /// Bits 0 to 63: the lower 24 bits of field 4, field 5, field 6.
    public var low: UInt64

    /// Makes a compact key of its two halves as they come off the wire.
    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Packs a key; nil if its field 2 is not representable: above 0xFFFF and neither 0xFFFFFFFF nor 0x22222222.
    @inlinable
    public init?(_ key: Key) {
        guard key.field2 <= 0xFFFF || key.field2 == 0xFFFF_FFFF || key.field2 == 0x2222_2222 else { return nil }
        high =
            UInt64(key.field1 & 0x7F) << 56 | UInt64(key.field2 & 0xFFFF) << 40 | UInt64(key.field3) << 8
            | UInt64(key.field4) >> 24
        low = UInt64(key.field4 & 0xFF_FFFF) << 40 | UInt64(key.field5) << 32 | UInt64(key.field6)
    }
}
