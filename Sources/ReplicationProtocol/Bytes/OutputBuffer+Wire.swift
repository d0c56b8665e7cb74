package import InterpretedWAL

extension OutputBuffer {
    /// Appends an integer in a byte order.
    mutating func append(_ value: some FixedWidthInteger, _ byteOrder: ByteOrder) {
        append(bigEndian: byteOrder == .big ? value : value.byteSwapped)
    }

    /// Appends a text's UTF-8 and a zero byte; only up to its first zero byte, which would end it for the reader.
    package mutating func append(cString text: String) {
        for byte in text.utf8 {
            if byte == 0 { break }
            append(byte)
        }
        append(0)
    }

    /// Appends a PostgreSQL message: a tag, a length that counts itself, and what `body` appends.
    ///
    /// Traps if the body has 4 GiB or more.
    package mutating func appendFrame<Failure: Error>(
        tag: UInt8,
        _ body: (inout OutputBuffer) throws(Failure) -> Void
    ) throws(Failure) {
        append(tag)
        try appendLengthPrefixed(body)
    }

    /// Appends a length that counts itself, and what `body` appends.
    package mutating func appendLengthPrefixed<Failure: Error>(
        _ body: (inout OutputBuffer) throws(Failure) -> Void
    ) throws(Failure) {
        let start = count
        append(bigEndian: UInt32(0))
        try body(&self)
        overwrite(bigEndian: UInt32(count - start), at: start)
    }

    /// Overwrites four bytes written before.
    ///
    /// Going back does not clear what lies behind, so the rest only has to be taken over again.
    mutating func overwrite(bigEndian value: UInt32, at offset: Int) {
        let end = count
        precondition(offset + 4 <= end, "overwriting what was not written")
        truncate(to: offset)
        append(bigEndian: value)
        commit(upTo: writePointer + (end - count))
    }
}
