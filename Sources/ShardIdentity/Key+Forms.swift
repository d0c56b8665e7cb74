// MARK: - Binary

extension Key: BinaryRepresentable {
    /// The width of the binary form: 18 bytes.
    @inlinable
    public static var byteCount: Int { 18 }

    /// Parses 18 bytes; every content is a key.
    ///
    /// Throws ``ShardIdentityError/wrongLength(expected:found:)`` for any other number of bytes.
    @inlinable
    public init(bytes: RawSpan) throws(ShardIdentityError) {
        try Key.checkLength(bytes)
        self.init(
            field1: bytes.bigEndian(at: 0, as: UInt8.self),
            field2: bytes.bigEndian(at: 1, as: UInt32.self),
            field3: bytes.bigEndian(at: 5, as: UInt32.self),
            field4: bytes.bigEndian(at: 9, as: UInt32.self),
            field5: bytes.bigEndian(at: 13, as: UInt8.self),
            field6: bytes.bigEndian(at: 14, as: UInt32.self)
        )
    }

    /// Appends the 18 bytes of the key.
    ///
    /// Traps if there is no room for them.
    @inlinable
    public func write(to output: inout OutputRawSpan) {
        output.appendBigEndian(field1)
        output.appendBigEndian(field2)
        output.appendBigEndian(field3)
        output.appendBigEndian(field4)
        output.appendBigEndian(field5)
        output.appendBigEndian(field6)
    }
}

// MARK: - Text

extension Key: CustomStringConvertible, LosslessStringConvertible {
    /// The text form: 36 upper-case hexadecimal digits.
    public var description: String {
        Hexadecimal.text(of: bytes, uppercase: true)
    }

    /// Parses 36 hexadecimal digits in either case; nil for anything else.
    public init?(_ text: String) {
        guard let bytes = Hexadecimal.bytes(of: text.utf8, count: Key.byteCount) else { return nil }
        try? self.init(bytes: bytes)
    }
}
