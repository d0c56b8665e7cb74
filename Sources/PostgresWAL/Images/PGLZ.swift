/// PostgreSQL's own compression, as far as reading goes.
///
/// A control byte announces eight items, lowest bit first. A clear bit is a literal byte. A set bit is a match of two or
/// three bytes: the low nibble of the first is the length minus 3, its high nibble the upper four bits of the distance
/// back, the second byte the distance's lower eight; a nibble of 15 says that a third byte is to be added to the length.
/// Source: PostgreSQL's `pg_lzcompress.h`.
enum PGLZ {
    /// Decompresses `input` into `output`; false unless the input is used up and fills the output exactly.
    static func decompress(_ input: RawSpan, into output: UnsafeMutableRawBufferPointer) -> Bool {
        var read = 0
        var written = 0
        while read < input.byteCount && written < output.count {
            var control = input.byte(at: read)
            read += 1
            for _ in 0..<8 where read < input.byteCount && written < output.count {
                if control & 1 == 0 {
                    output[written] = input.byte(at: read)
                    read += 1
                    written += 1
                } else {
                    guard let match = Match(input, at: &read), match.distance <= written else { return false }
                    // A match may run past the end of the output; what is beyond is cut, as PostgreSQL does.
                    let length = min(match.length, output.count - written)
                    // The copy may overlap itself: byte by byte repeats what it has just written.
                    for offset in written..<written + length {
                        output[offset] = output[offset - match.distance]
                    }
                    written += length
                }
                control >>= 1
            }
        }
        return read == input.byteCount && written == output.count
    }

    private struct Match {
        let length: Int
        let distance: Int

        /// Reads the two or three bytes of a match; nil if they are cut off or the distance is zero.
        init?(_ input: RawSpan, at offset: inout Int) {
            guard input.byteCount - offset >= 2 else { return nil }
            let first = Int(input.byte(at: offset))
            let back = (first & 0xF0) << 4 | Int(input.byte(at: offset + 1))
            var count = (first & 0x0F) + 3
            offset += 2
            if first & 0x0F == 0x0F {
                guard offset < input.byteCount else { return nil }
                count += Int(input.byte(at: offset))
                offset += 1
            }
            guard back > 0 else { return nil }
            length = count
            distance = back
        }
    }
}
