/// A value with a bincode form: fixed-width big-endian integers, fields in order, nothing between them.
///
/// Source: `wal-interpretation.md` §9.
public protocol BincodeCodable {
    /// Appends the value's bytes.
    func encode(into buffer: inout OutputBuffer)
    /// Reads the value from the reader's position and moves the reader behind it.
    init(from reader: inout BincodeReader) throws(BincodeError)
}

extension BincodeCodable {
    /// Decodes a value that takes up all of `bytes`: bytes left over are an error.
    public init(decoding bytes: RawSpan) throws(BincodeError) {
        var reader = BincodeReader(bytes)
        try self.init(from: &reader)
        try reader.finish()
    }

    /// Decodes a value that takes up all of `bytes`: bytes left over are an error.
    public init(decoding bytes: [UInt8]) throws(BincodeError) {
        try self.init(decoding: bytes.span.bytes)
    }

    /// The value's bytes.
    public func encoded() -> [UInt8] {
        var buffer = OutputBuffer()
        encode(into: &buffer)
        return buffer.array
    }
}
