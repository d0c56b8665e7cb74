/// The bincode forms of simple values.
///
/// Source: `wal-interpretation.md` §9.
extension OutputBuffer {
    /// Appends an enum's index.
    package mutating func append(variant: UInt32) {
        append(bigEndian: variant)
    }

    /// Appends a bool, or an option's tag.
    package mutating func append(bool: Bool) {
        append(bool ? 1 : 0)
    }

    /// Appends an option of an integer.
    package mutating func append<Value: FixedWidthInteger>(optional value: Value?) {
        append(bool: value != nil)
        if let value { append(bigEndian: value) }
    }

    /// Appends a length and the bytes.
    package mutating func append(byteString bytes: [UInt8]) {
        append(bigEndian: UInt64(bytes.count))
        append(bytes)
    }

    /// Appends a length and the text's UTF-8.
    package mutating func append(text: String) {
        append(byteString: Array(text.utf8))
    }

    /// Appends a count and the numbers.
    package mutating func append(sequence numbers: [UInt32]) {
        append(bigEndian: UInt64(numbers.count))
        for number in numbers { append(bigEndian: number) }
    }

    /// Appends a count and the elements.
    package mutating func append(sequence elements: [some BincodeCodable]) {
        append(bigEndian: UInt64(elements.count))
        for element in elements { element.encode(into: &self) }
    }
}
