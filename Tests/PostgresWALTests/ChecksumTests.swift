import CChecksum
import TestFixtures
import Testing

@Suite("CRC-32C")
struct ChecksumTests {
    @Test func checkValue() {
        let digits = Array("123456789".utf8)
        #expect(~cchecksum_crc32c(.max, digits, digits.count) == 0xE306_9283)
        #expect(~cchecksum_crc32c_table(.max, digits, digits.count) == 0xE306_9283)
        #expect(cchecksum_crc32c(.max, digits, 0) == .max)
    }

    @Test(arguments: [UInt64(1), 2])
    func implementationsAgree(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let bytes = generator.bytes(20_032)
        // Every length around the borders of folds, lanes and words, then random ones.
        let lengths =
            Array(0...600) + Array(3060...3090) + (0..<600).map { _ in Int.random(in: 0...20_000, using: &generator) }
        bytes.withUnsafeBytes { bytes in
            for length in lengths {
                let offset = Int.random(in: 0..<32, using: &generator)
                let start = UInt32.random(in: .min ... .max, using: &generator)
                let data = bytes.baseAddress! + offset
                let expected = cchecksum_crc32c_table(start, data, length)
                #expect(cchecksum_crc32c(start, data, length) == expected, "\(length) bytes at offset \(offset)")
                #expect(cchecksum_crc32c_lanes(start, data, length) == expected, "\(length) bytes at offset \(offset)")
            }
        }
    }

    @Test func piecesContinue() {
        var generator = SeededGenerator(seed: 3)
        let bytes = generator.bytes(5000)
        let whole = cchecksum_crc32c(.max, bytes, bytes.count)
        for cut in [0, 1, 7, 8, 255, 256, 384, 3072, 4999, 5000] {
            let first = cchecksum_crc32c(.max, bytes, cut)
            let both = bytes.withUnsafeBytes { cchecksum_crc32c(first, $0.baseAddress! + cut, $0.count - cut) }
            #expect(both == whole)
        }
    }

    @Test(arguments: [UInt64(4)])
    func ofARecord(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let bytes = generator.bytes(20_032)
        let lengths = Array(24...200) + (0..<300).map { _ in Int.random(in: 24...20_000, using: &generator) }
        bytes.withUnsafeBytes { bytes in
            for length in lengths {
                let record = bytes.baseAddress! + Int.random(in: 0..<32, using: &generator)
                let tail = cchecksum_crc32c_table(.max, record + 24, length - 24)
                #expect(
                    cchecksum_wal_record(record, length) == ~cchecksum_crc32c_table(tail, record, 20),
                    "\(length) bytes"
                )
            }
        }
    }

    @Test func hasAName() {
        let names = ["table", "SSE4.2", "ARMv8 CRC32", "AVX-512, VPCLMULQDQ"]
        #expect(names.contains(String(cString: cchecksum_crc32c_implementation())))
    }
}
