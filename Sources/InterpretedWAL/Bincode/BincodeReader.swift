internal import PostgresWAL

/// A position in bincode bytes: every read checks the bytes left and moves on.
///
/// Source: `wal-interpretation.md` §9.
public struct BincodeReader: ~Escapable {
    private let bytes: RawSpan
    /// The offset of the next byte to read.
    public private(set) var offset = 0

    /// Makes a reader at the start of `bytes`.
    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan) {
        self.bytes = bytes
    }

    /// The bytes not read yet.
    public var remaining: Int { bytes.byteCount - offset }

    /// Checks that everything has been read; throws ``BincodeError/trailingBytes(count:)`` otherwise.
    public func finish() throws(BincodeError) {
        guard remaining == 0 else { throw .trailingBytes(count: remaining) }
    }

    /// Reads an integer of the width that the context asks for.
    public mutating func read<Value: FixedWidthInteger & BitwiseCopyable>() throws(BincodeError) -> Value {
        let size = MemoryLayout<Value>.size
        try require(UInt64(size))
        defer { offset += size }
        return Value(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Value.self))
    }

    /// Reads a size or an offset: 64 bits that have to be positive as `Int`.
    public mutating func readSize() throws(BincodeError) -> Int {
        let value: UInt64 = try read()
        guard let size = Int(exactly: value) else {
            throw .sizeTooLarge(offset: offset - MemoryLayout<UInt64>.size, value: value)
        }
        return size
    }

    /// Reads an enum's index.
    public mutating func readVariant() throws(BincodeError) -> UInt32 {
        try read()
    }

    /// Reads a bool, or an option's tag.
    public mutating func readBool() throws(BincodeError) -> Bool {
        let value: UInt8 = try read()
        guard value <= 1 else { throw .invalidFlag(offset: offset - 1, value: value) }
        return value == 1
    }

    /// Reads an optional 32-bit number.
    public mutating func readOptionalUInt32() throws(BincodeError) -> UInt32? {
        try readBool() ? try read() : nil
    }

    /// Reads an optional 64-bit number.
    public mutating func readOptionalUInt64() throws(BincodeError) -> UInt64? {
        try readBool() ? try read() : nil
    }

    /// Reads a length and that many bytes.
    public mutating func readByteString() throws(BincodeError) -> [UInt8] {
        let length: UInt64 = try read()
        try require(length)
        // `require` has shown that the length is at most what is left, which fits.
        let range = offset..<(offset + Int(length))
        offset = range.upperBound
        return bytes.extracting(range).array
    }

    /// Reads a length and that many bytes of UTF-8.
    public mutating func readText() throws(BincodeError) -> String {
        let start = offset
        guard let text = String(validating: try readByteString(), as: UTF8.self) else {
            throw .invalidUTF8(offset: start)
        }
        return text
    }

    /// Reads a count and that many elements, none of which is smaller than `minimumElementSize` bytes.
    ///
    /// The count is checked against the bytes left before room is made for the elements.
    public mutating func readSequence<Element: BincodeCodable>(
        of _: Element.Type = Element.self,
        minimumElementSize: Int
    ) throws(BincodeError) -> [Element] {
        let count = try readCount(minimumElementSize: minimumElementSize)
        var elements: [Element] = []
        elements.reserveCapacity(count)
        for _ in 0..<count { elements.append(try Element(from: &self)) }
        return elements
    }

    /// Reads a count and that many 32-bit numbers.
    public mutating func readUInt32Sequence() throws(BincodeError) -> [UInt32] {
        let count = try readCount(minimumElementSize: MemoryLayout<UInt32>.size)
        var elements: [UInt32] = []
        elements.reserveCapacity(count)
        for _ in 0..<count { elements.append(try read()) }
        return elements
    }

    private mutating func readCount(minimumElementSize: Int) throws(BincodeError) -> Int {
        let count: UInt64 = try read()
        let maximum = remaining / minimumElementSize
        guard count <= UInt64(maximum) else {
            throw .sequenceTooLong(offset: offset - MemoryLayout<UInt64>.size, count: count, maximum: maximum)
        }
        return Int(count)
    }

    private func require(_ size: UInt64) throws(BincodeError) {
        guard size <= UInt64(remaining) else {
            throw .truncated(offset: offset, needed: size, available: remaining)
        }
    }
}
