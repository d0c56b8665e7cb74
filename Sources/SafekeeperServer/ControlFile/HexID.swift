internal import PostgresWAL

/// Sixteen bytes that name something: a tenant, a timeline, a proposer.
///
/// The text form is 32 lower-case hex digits.
package struct HexID: Hashable, Sendable {
    /// The first eight bytes, the first one in the highest bits.
    package var high: UInt64
    /// The last eight bytes.
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Sixteen zero bytes: no name.
    package static let zero = HexID(high: 0, low: 0)
}

extension HexID: CustomStringConvertible, LosslessStringConvertible {
    /// The 32 hex digits.
    package var description: String {
        [high, low].map { half in
            let digits = String(half, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// Parses exactly 32 lower-case hex digits; gives nil for anything else.
    package init?(_ text: String) {
        self.init(digits: Array(text.utf8).span.bytes)
    }

    init?(digits: RawSpan) {
        guard digits.byteCount == 32 else { return nil }
        var halves: [UInt64] = [0, 0]
        for offset in 0..<32 {
            let digit = digits.byte(at: offset)
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            default: return nil
            }
            halves[offset / 16] = halves[offset / 16] << 4 | UInt64(value)
        }
        self.init(high: halves[0], low: halves[1])
    }
}
