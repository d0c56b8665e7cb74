extension [UInt8] {
    /// The bytes of a text of hexadecimal digits; spaces and line ends in it are passed over.
    package init(hex text: String) {
        let digits = text.filter { !$0.isWhitespace }.map { digit in
            guard let value = digit.hexDigitValue else { preconditionFailure("not a hexadecimal digit: \(digit)") }
            return UInt8(value)
        }
        precondition(digits.count.isMultiple(of: 2), "an odd number of hexadecimal digits")
        self = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// Sets the little-endian integer at `offset`.
    package mutating func setLittleEndian(_ value: some FixedWidthInteger, at offset: Int) {
        Swift.withUnsafeBytes(of: value.littleEndian) { bytes in
            for (index, byte) in bytes.enumerated() { self[offset + index] = byte }
        }
    }
}

/// The bytes of a text of hexadecimal digits, as vectors are written.
package func hex(_ text: String) -> [UInt8] {
    [UInt8](hex: text)
}
