extension CompactKey {
    // MARK: Number

    /// Makes a compact key of its 128 bits.
    @inlinable
    public init(bits: UInt128) {
        self.init(high: UInt64(truncatingIfNeeded: bits >> 64), low: UInt64(truncatingIfNeeded: bits))
    }

    /// The 128 bits as one unsigned number; bit 127 is 0 in every packed key.
    @inlinable
    public var bits: UInt128 { UInt128(high) << 64 | UInt128(low) }
}

extension CompactKey: Comparable {
    /// Orders compact keys as unsigned numbers: the order of the keys they stand for, lossy ones aside.
    @inlinable
    public static func < (lhs: CompactKey, rhs: CompactKey) -> Bool {
        (lhs.high, lhs.low) < (rhs.high, rhs.low)
    }
}

extension Key {
    /// Unpacks a compact key.
    ///
    /// Field 2 has 16 bits there, so 0xFFFFFFFF comes back as 0xFFFF and 0x22222222 as 0x2222. Bit 127 is ignored.
    @inlinable
    public init(_ compact: CompactKey) {
        self.init(
            field1: UInt8(truncatingIfNeeded: compact.high >> 56) & 0x7F,
            field2: UInt32(truncatingIfNeeded: compact.high >> 40) & 0xFFFF,
            field3: UInt32(truncatingIfNeeded: compact.high >> 8),
            field4: UInt32(truncatingIfNeeded: compact.high << 24 | compact.low >> 40),
            field5: UInt8(truncatingIfNeeded: compact.low >> 32),
            field6: UInt32(truncatingIfNeeded: compact.low)
        )
    }
}

// MARK: - Binary

extension CompactKey: BinaryRepresentable {
    /// The width of the binary form: 16 bytes.
    @inlinable
    public static var byteCount: Int { 16 }

    /// Parses 16 bytes.
    ///
    /// Throws ``ShardIdentityError/wrongLength(expected:found:)`` for any other number of bytes.
    @inlinable
    public init(bytes: RawSpan) throws(ShardIdentityError) {
        try CompactKey.checkLength(bytes)
        self.init(high: bytes.bigEndian(at: 0, as: UInt64.self), low: bytes.bigEndian(at: 8, as: UInt64.self))
    }

    /// Appends the 16 bytes of the compact key.
    ///
    /// Traps if there is no room for them.
    @inlinable
    public func write(to output: inout OutputRawSpan) {
        output.appendBigEndian(high)
        output.appendBigEndian(low)
    }
}

// MARK: - Text

extension CompactKey: CustomStringConvertible, LosslessStringConvertible {
    /// The text form: 32 lower-case hexadecimal digits.
    public var description: String {
        Hexadecimal.text(of: bytes)
    }

    /// Parses 32 hexadecimal digits in either case; nil for anything else.
    public init?(_ text: String) {
        guard let bytes = Hexadecimal.bytes(of: text.utf8, count: CompactKey.byteCount) else { return nil }
        try? self.init(bytes: bytes)
    }
}
