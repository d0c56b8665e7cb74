package import PostgresWAL

/// Inserts of rows into blocks all over a relation, so that every shard gets its part: for tests that need much WAL.
///
/// Source: `wal-interpretation.md` §3.3 (the record), `wal-decoding.md` §5 (its block reference).
package struct InsertSource: WALRecordSource, Sendable {
    private let rowBytes: Int
    private var state: UInt64

    /// Makes an endless source.
    ///
    /// - Parameters:
    ///   - seed: the same seed makes the same records.
    ///   - rowBytes: the length of each row.
    package init(seed: UInt64, rowBytes: Int = 100) {
        precondition(rowBytes <= 8000, "a row of \(rowBytes) bytes fits no page")
        self.rowBytes = rowBytes
        state = seed
    }

    package mutating func next() -> WALRecordContents? {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let random = state >> 32
        var fragments: [UInt8] = []
        fragments.reserveCapacity(32 + rowBytes)
        // One block of the main fork, with data.
        fragments += [0, 0x20]
        fragments.appendLittleEndian(UInt16(5 + rowBytes))
        for number in [1663, 5, 16384, UInt32(truncatingIfNeeded: random) % 1_000_000] {
            fragments.appendLittleEndian(number)
        }
        // Three bytes of main data, which come last: the row's number on the page, and flags.
        fragments += [255, 3]
        // The row: number of columns and flags, the length of its header, then what is in it.
        fragments += [2, 0, 0, 8, 24]
        var word = random
        while fragments.count < 27 + rowBytes {
            // Half of it compresses well.
            fragments.append(fragments.count % 2 == 0 ? UInt8(truncatingIfNeeded: word) : 0x20)
            word = word &* 31 &+ 7
        }
        fragments += [UInt8(random % 200) + 1, 0, 0]
        return WALRecordContents(
            resourceManager: .heap,
            info: 0,
            transactionID: UInt32(truncatingIfNeeded: 1000 + random % 1000),
            fragments: fragments
        )
    }
}
