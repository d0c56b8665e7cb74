/// A log sequence number: a byte position in the WAL of one PostgreSQL cluster.
///
/// Zero is the invalid LSN, as in PostgreSQL's `access/xlogdefs.h`. The text form is `X/X`, the upper and the
/// lower 32 bits in upper-case hexadecimal without padding.
///
/// Source: `wal-decoding.md` §8.
@frozen
public struct LSN: Hashable, Comparable, Sendable {
    /// The byte position, 0 to 2^64 - 1.
    public var rawValue: UInt64

    /// Makes the LSN of a byte position.
    @inlinable
    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// The invalid LSN, `0/0`.
    @inlinable
    public static var invalid: LSN { LSN(0) }

    /// Whether this is a position at all: not `0/0`.
    @inlinable
    public var isValid: Bool { rawValue != 0 }

    /// Orders LSNs by position.
    @inlinable
    public static func < (lhs: LSN, rhs: LSN) -> Bool {
        lhs.rawValue < rhs.rawValue
    }
}

// MARK: - Text

extension LSN: CustomStringConvertible, LosslessStringConvertible {
    /// The text form, `X/X`.
    public var description: String {
        let upper = String(rawValue >> 32, radix: 16, uppercase: true)
        let lower = String(rawValue & 0xFFFF_FFFF, radix: 16, uppercase: true)
        return "\(upper)/\(lower)"
    }

    /// Parses `X/X`: two hexadecimal numbers of 1 to 8 digits in either case, white space around them ignored.
    ///
    /// Gives nil for anything else: a sign, a third part, an empty half, a half above 32 bits.
    public init?(_ text: String) {
        let parts = text.trimmingWhitespace.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let upper = LSN.half(parts[0]), let lower = LSN.half(parts[1]) else { return nil }
        self.init(UInt64(upper) << 32 | UInt64(lower))
    }

    private static func half(_ digits: Substring) -> UInt32? {
        guard (1...8).contains(digits.utf8.count), digits.allSatisfy(\.isHexDigit) else { return nil }
        return UInt32(digits, radix: 16)
    }
}

extension String {
    fileprivate var trimmingWhitespace: Substring {
        var rest = self[...]
        while let first = rest.first, first.isWhitespace { rest.removeFirst() }
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return rest
    }
}

// MARK: - Arithmetic

extension LSN {
    /// The position `bytes` further on.
    ///
    /// Traps past 2^64 - 1: no WAL gets there.
    @inlinable
    public static func + (lhs: LSN, bytes: UInt64) -> LSN {
        LSN(lhs.rawValue + bytes)
    }

    /// The position `bytes` further back.
    ///
    /// Traps below zero.
    @inlinable
    public static func - (lhs: LSN, bytes: UInt64) -> LSN {
        LSN(lhs.rawValue - bytes)
    }

    /// The distance in bytes from `start` up to this position; nil if this position is before `start`.
    @inlinable
    public func distance(from start: LSN) -> UInt64? {
        rawValue >= start.rawValue ? rawValue - start.rawValue : nil
    }

    /// Moves on by `bytes`.
    ///
    /// Traps past 2^64 - 1.
    @inlinable
    public static func += (lhs: inout LSN, bytes: UInt64) {
        lhs.rawValue += bytes
    }
}

// MARK: - Alignment

extension LSN {
    /// The first position at or after this one where a record may start: a multiple of 8.
    @inlinable
    public var recordAligned: LSN {
        LSN((rawValue + 7) & ~7)
    }

    /// Whether a record may start here as far as alignment goes.
    @inlinable
    public var isRecordAligned: Bool { rawValue & 7 == 0 }

    /// The offset inside the WAL page, 0 to 8191.
    @inlinable
    public var pageOffset: Int { Int(rawValue & UInt64(WALPage.size - 1)) }

    /// The start of the WAL page that holds this position.
    @inlinable
    public var pageStart: LSN { LSN(rawValue & ~UInt64(WALPage.size - 1)) }

    /// The bytes from here to the end of the page, 1 to 8192: on a page start the whole page.
    @inlinable
    public var remainingInPage: Int { WALPage.size - pageOffset }
}
