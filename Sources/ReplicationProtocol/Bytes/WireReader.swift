/// A position in a message: every read names its field, checks the bytes left and moves on.
struct WireReader: ~Escapable {
    private let bytes: RawSpan
    /// How integers are stored.
    let byteOrder: ByteOrder
    /// The offset of the next byte to read.
    private(set) var offset: Int

    /// Makes a reader at an offset of `bytes`, which has to lie inside.
    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, byteOrder: ByteOrder = .big, offset: Int = 0) {
        precondition(offset >= 0 && offset <= bytes.byteCount, "reader starts outside of its bytes")
        self.bytes = bytes
        self.byteOrder = byteOrder
        self.offset = offset
    }

    /// The bytes not read yet.
    var remaining: Int { bytes.byteCount - offset }

    /// Reads an integer of the width that the context asks for.
    mutating func read<Value: FixedWidthInteger & BitwiseCopyable>(
        _ field: StaticString,
        as _: Value.Type = Value.self
    ) throws(FieldFault) -> Value {
        let size = MemoryLayout<Value>.size
        try require(size, field)
        defer { offset += size }
        let stored = bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Value.self)
        return byteOrder == .big ? Value(bigEndian: stored) : Value(littleEndian: stored)
    }

    /// Reads a byte that is 0 or 1.
    mutating func readFlag(_ field: StaticString) throws(FieldFault) -> Bool {
        let value: UInt8 = try read(field)
        guard value <= 1 else { throw FieldFault(field: "\(field)", .invalidValue("\(value), expected 0 or 1")) }
        return value == 1
    }

    /// Reads the count of elements that take at least `minimumElementSize` bytes each.
    ///
    /// It is checked against the bytes left, so room for that many elements may be made.
    mutating func readCount(_ field: StaticString, minimumElementSize: Int) throws(FieldFault) -> Int {
        let count: UInt32 = try read(field)
        let maximum = remaining / minimumElementSize
        guard count <= maximum else {
            throw FieldFault(field: "\(field)", .countTooLarge(count: UInt64(count), maximum: maximum))
        }
        return Int(count)
    }

    /// Reads UTF-8 up to a zero byte, and that byte.
    mutating func readCString(_ field: StaticString) throws(FieldFault) -> String {
        var end = offset
        while end < bytes.byteCount, bytes.unsafeLoad(fromByteOffset: end, as: UInt8.self) != 0 { end += 1 }
        guard end < bytes.byteCount else { throw FieldFault(field: "\(field)", .unterminated) }
        let text = bytes.extracting(offset..<end).withUnsafeBytes { String(validating: $0, as: UTF8.self) }
        guard let text else { throw FieldFault(field: "\(field)", .invalidUTF8) }
        offset = end + 1
        return text
    }

    /// Moves on over bytes that are not looked at.
    mutating func skip(_ size: Int, _ field: StaticString) throws(FieldFault) {
        try require(size, field)
        offset += size
    }

    /// Checks that everything has been read.
    func finish(after field: StaticString) throws(FieldFault) {
        guard remaining == 0 else { throw FieldFault(field: "\(field)", .trailingBytes(remaining)) }
    }

    private func require(_ size: Int, _ field: StaticString) throws(FieldFault) {
        guard size <= remaining else {
            throw FieldFault(field: "\(field)", .truncated(needed: size, available: remaining))
        }
    }
}

/// How a message stores its integers.
enum ByteOrder {
    /// Most significant byte first: network order.
    case big
    /// Least significant byte first, as x86 and ARM lay out C structs.
    case little
}
