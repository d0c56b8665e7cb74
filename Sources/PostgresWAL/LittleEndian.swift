extension RawSpan {
    /// The little-endian integer at `offset`, which must be inside the span: traps otherwise, so callers check first.
    @inlinable
    package func littleEndian<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: T.Type = T.self) -> T {
        T(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: T.self))
    }

    /// The byte at `offset`, which must be inside the span: traps otherwise, so callers check first.
    @inlinable
    package func byte(at offset: Int) -> UInt8 {
        unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }
}

extension [UInt8] {
    /// Appends an integer's bytes, lowest first.
    package mutating func appendLittleEndian(_ value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}

extension RawSpan {
    /// Whether every byte is zero.
    package var isAllZeros: Bool {
        for offset in 0..<byteCount where byte(at: offset) != 0 { return false }
        return true
    }
}
