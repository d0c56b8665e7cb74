internal import PostgresWAL

/// The two forms of a delete in PostgreSQL 14 and 15, and how to tell them apart.
///
/// ```
///          stock                        Neon
///   0..<4  xmax                         xmax
///   4..<6  offset number                offset number
///   6      infobits                     padding
///   7      flags                        padding
///   8...   the old row, if flags say    command ID, infobits at 12, flags at 13
///  14...                                the old row, if flags say
/// ```
/// A form fits if its flags and the length agree about an old row. Mostly only one does: without an old row the lengths
/// differ, 8 and 14. Where both do, the record has an old row whose header starts at 8 in the stock form; that header's
/// fifth byte, the offset of the row's data, is a multiple of 8 from 24 up, whereas Neon's form has infobits there.
///
/// Source: `wal-interpretation.md` §3.3; `wal-decoding.md` §12; PostgreSQL's `heapam_xlog.h`.
enum HeapDelete {
    static let stockSize = 8
    private static let neonSize = 14
    /// Flags that announce the old row: the whole of it, or its key.
    private static let hasOldRow: UInt8 = 0x02 | 0x04
    /// Bytes of the header in front of the old row; at least a byte of row follows.
    private static let stockRowHeaderSize = 5
    /// The bits that infobits may have.
    private static let knownInfobits: UInt8 = 0x1F

    /// Whether main data of at least ``stockSize`` bytes has Neon's form.
    static func isNeonForm(_ bytes: RawSpan) -> Bool {
        guard bytes.byteCount >= neonSize else { return false }
        let neonFits =
            (bytes.byte(at: 13) & hasOldRow != 0) == (bytes.byteCount > neonSize)
            && bytes.byte(at: 12) & ~knownInfobits == 0
        // As long as this, the stock form has an old row.
        let dataOffset = bytes.byte(at: stockSize + 4)
        let stockFits =
            bytes.byte(at: 7) & hasOldRow != 0 && bytes.byteCount > stockSize + stockRowHeaderSize
            && bytes.byte(at: 6) & ~knownInfobits == 0 && dataOffset >= 24 && dataOffset % 8 == 0
        return neonFits && !stockFits
    }
}
