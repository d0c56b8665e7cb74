internal import InterpretedWAL

/// A set of numbers: the segments of an SLRU, or the prepared transactions.
///
/// Source: `ingest.md` §3.4 (SlruSegmentDirectory, TwoPhaseDirectory).
struct NumberDirectory: Hashable {
    /// How wide the numbers are stored: 32 bits, but 64 for the prepared transactions of PostgreSQL 17.
    let isWide: Bool
    var numbers: Set<UInt64> = []

    init(isWide: Bool = false) {
        self.isWide = isWide
    }

    /// Sorted, so that equal directories have equal bytes.
    func encoded() -> [UInt8] {
        var buffer = OutputBuffer(minimumCapacity: 8 + 8 * numbers.count)
        buffer.append(bigEndian: UInt64(numbers.count))
        for number in numbers.sorted() {
            if isWide {
                buffer.append(bigEndian: number)
            } else {
                buffer.append(bigEndian: UInt32(truncatingIfNeeded: number))
            }
        }
        return buffer.array
    }

    init(decoding bytes: [UInt8], isWide: Bool = false) throws(BincodeError) {
        self.isWide = isWide
        var reader = BincodeReader(bytes.span.bytes)
        for _ in 0..<(try reader.readElementCount(size: isWide ? 8 : 4)) {
            if isWide {
                numbers.insert(try reader.read())
            } else {
                let number: UInt32 = try reader.read()
                numbers.insert(UInt64(number))
            }
        }
        try reader.finish()
    }
}
