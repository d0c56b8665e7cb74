internal import PostgresWAL

/// Takes fields off the front of a control file's body.
///
/// Source: `safekeeper-core.md` §2.1.
struct ControlFileReader: ~Escapable {
    private let bytes: RawSpan
    /// The offset of the next field in the file.
    private(set) var offset: Int

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, from offset: Int) {
        self.bytes = bytes
        self.offset = offset
    }

    /// Bytes not yet taken.
    var remaining: Int { bytes.byteCount - offset }

    mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(
        _ field: String,
        as type: T.Type = T.self
    ) throws(ControlFileError) -> T {
        let size = MemoryLayout<T>.size
        guard remaining >= size else { throw .truncated(field: field, offset: offset) }
        defer { offset += size }
        return bytes.littleEndian(at: offset)
    }

    mutating func lsn(_ field: String) throws(ControlFileError) -> LSN {
        LSN(try integer(field))
    }

    /// The count of a sequence whose items take at least `itemSize` bytes each.
    mutating func count(_ field: String, itemSize: Int) throws(ControlFileError) -> Int {
        let start = offset
        let count: UInt64 = try integer(field)
        guard count <= UInt64(remaining / itemSize) else {
            throw .invalid(field: field, offset: start, found: "\(count) items in \(remaining) bytes")
        }
        return Int(count)
    }

    mutating func text(_ field: String) throws(ControlFileError) -> String {
        let start = offset
        let count = try count(field, itemSize: 1)
        defer { offset += count }
        let text = bytes.extracting(offset..<offset + count).withUnsafeBytes { String(validating: $0, as: UTF8.self) }
        guard let text else { throw .invalid(field: field, offset: start, found: "bytes that are not UTF-8") }
        return text
    }

    /// A length of 32 and that many hex digits.
    mutating func id(_ field: String) throws(ControlFileError) -> UInt128 {
        let start = offset
        let count = try count(field, itemSize: 1)
        guard count == 32, let id = lowerCaseHexadecimal(count) else {
            throw .invalid(field: field, offset: start, found: "not 32 lower-case hexadecimal digits")
        }
        offset += count
        return id
    }

    private func lowerCaseHexadecimal(_ count: Int) -> UInt128? {
        var value: UInt128 = 0
        for position in offset..<offset + count {
            let digit = bytes.byte(at: position)
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt128(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt128(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }

    /// Sixteen bytes as they are: how versions 1 and 2 wrote IDs.
    mutating func rawID(_ field: String) throws(ControlFileError) -> UInt128 {
        let high: UInt64 = try integer(field)
        let low: UInt64 = try integer(field)
        return UInt128(high.byteSwapped) << 64 | UInt128(low.byteSwapped)
    }
}
