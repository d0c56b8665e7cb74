import PostgresWAL

/// A number that depends on every record's place and bytes and on their order.
struct RecordDigest: Equatable {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325
    private(set) var count = 0

    mutating func add(_ record: borrowing WALRecord) {
        count += 1
        mix(record.start.rawValue)
        mix(record.end.rawValue)
        mix(record.next.rawValue)
        mix(UInt64(record.bytes.byteCount))
        record.bytes.withUnsafeBytes { bytes in
            var offset = 0
            while offset + 8 <= bytes.count {
                mix(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                offset += 8
            }
            for byte in bytes[offset...] { mix(UInt64(byte)) }
        }
    }

    private mutating func mix(_ word: UInt64) {
        value = (value ^ word) &* 0x9E37_79B9_7F4A_7C15
        value ^= value >> 29
    }
}
