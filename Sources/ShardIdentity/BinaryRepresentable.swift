/// A value with one fixed-width binary form: its fields in order, big-endian, nothing between them.
///
/// Source: `wal-interpretation.md` §6, §8, §9.
public protocol BinaryRepresentable {
    /// The width of the binary form in bytes.
    static var byteCount: Int { get }

    /// Parses the binary form.
    ///
    /// Throws ``ShardIdentityError/wrongLength(expected:found:)`` unless `bytes` holds exactly ``byteCount`` bytes,
    /// and what the type's own constructors throw for values it does not allow.
    init(bytes: RawSpan) throws(ShardIdentityError)

    /// Appends the binary form.
    ///
    /// Traps if fewer than ``byteCount`` bytes are free in `output`.
    func write(to output: inout OutputRawSpan)
}

extension BinaryRepresentable {
    /// The binary form as an array of ``byteCount`` bytes, for cold use: it allocates.
    public var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, initializedCount in
            var output = OutputRawSpan(buffer: UnsafeMutableRawBufferPointer(buffer), initializedCount: 0)
            write(to: &output)
            initializedCount = output.finalize(for: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    /// Parses the binary form from an array; throws as the parser over a span does.
    public init(bytes: [UInt8]) throws(ShardIdentityError) {
        try self.init(bytes: bytes.span.bytes)
    }

    /// Throws unless the span is as wide as the binary form.
    @inlinable
    static func checkLength(_ bytes: RawSpan) throws(ShardIdentityError) {
        guard bytes.byteCount == byteCount else {
            throw .wrongLength(expected: byteCount, found: bytes.byteCount)
        }
    }
}

extension RawSpan {
    /// The big-endian integer at an offset; traps if it does not lie inside the span.
    @inlinable
    func bigEndian<Integer: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: Integer.Type) -> Integer {
        Integer(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: type))
    }
}

extension OutputRawSpan {
    /// Appends an integer in big-endian order; traps if there is no room for it.
    @inlinable
    mutating func appendBigEndian<Integer: FixedWidthInteger & BitwiseCopyable>(_ value: Integer) {
        append(value.bigEndian, as: Integer.self)
    }
}
