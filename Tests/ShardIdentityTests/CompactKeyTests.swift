import ShardIdentity
import TestFixtures
import Testing

/// The protobuf message of a compact key: field 1 the high half, field 2 the low one, both varints.
private func message(_ compact: CompactKey) -> [UInt8] {
    [0x08] + varint(compact.high) + [0x10] + varint(compact.low)
}

private func varint(_ value: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = value
    while rest >= 0x80 {
        bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
        rest >>= 7
    }
    return bytes + [UInt8(rest)]
}

@Suite("CompactKey")
struct CompactKeyTests {
    @Test(arguments: [
        (
            "000000067F00000005000040000000000007", "00067f00000005000040000000000007",
            "08808a808080e09f03108780808080808020"
        ),
        (
            "000000067F00000005000040000200000000", "00067f00000005000040000200000000",
            "08808a808080e09f031080808080a0808020"
        ),
        (
            "000000067F00000005007FFFFF0000000BB8", "00067f00000005007fffff0000000bb8",
            "08808a808080e09f0310b897808080e0ffff7f"
        ),
        (
            "000000067F00000005008000000000000BB8", "00067f00000005008000000000000bb8",
            "08808a808080e09f0310b8978080808080808001"
        ),
        (
            "000000067F00000005008000010000000BB8", "00067f00000005008000010000000bb8",
            "08808a808080e09f0310b897808080a080808001"
        ),
        (
            "00FFFFFFFFFFFFFFFFFFFFFFFF0000000000", "00ffffffffffffffffffff0000000000",
            "08ffffffffffffff7f108080808080e0ffffff01"
        ),
        (
            "002222222200000005000000060000000001", "00222200000005000000060000000001",
            "08808a808080c08811108180808080c001"
        ),
        (
            "010000000100000001000000020000000003", "01000100000001000000020000000003",
            "088082808080a080800110838080808040"
        ),
        (
            "02000000000000000000ABCDEF123456789A", "0200000000000000abcdef123456789a",
            "08808080808080808002109af1d9a2a3e2fbe6ab01"
        ),
        (
            "030000000000000000000000000000000001", "03000000000000000000000000000001",
            "088080808080808080031001"
        ),
    ])
    func vectors(text: String, compactText: String, protobuf: String) throws {
        let key = try #require(Key(text))
        let compact = try #require(CompactKey(key))
        #expect(compact.description == compactText)
        #expect(CompactKey(compactText) == compact)
        let digits = message(compact).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        #expect(digits.joined() == protobuf)

        var unpacked = key
        if key.field2 > 0xFFFF { unpacked.field2 &= 0xFFFF }
        #expect(Key(compact) == unpacked)
    }

    /// Relation file numbers around the bit that is the sign of the lower half: `pitfalls.md` A2.
    @Test(arguments: [UInt32(0), 0x007F_FFFF, 0x0080_0000, 0x0080_0001, 0xFFFF_FFFF])
    func signBitOfTheLowerHalf(relation: UInt32) throws {
        for (tablespace, database) in [
            (UInt32(1663), UInt32(5)), (0, 0), (0xFFFF, 0xFFFF_FFFF), (0xFFFF_FFFF, 0xFFFF_FFFF),
        ] {
            for block in [UInt32(0), 3000, 0xFFFF_FFFE] {
                let locator = RelationLocator(tablespace: tablespace, database: database, relation: relation)
                let key = Key.relationBlock(RelationTag(locator: locator), block: block)
                let compact = try #require(CompactKey(key))
                #expect(compact.high >> 63 == 0)
                #expect(compact.low >> 63 == UInt64(relation >> 23 & 1))

                var expected = key
                expected.field2 &= 0xFFFF
                #expect(Key(compact) == expected)
                #expect(Key(CompactKey(bits: compact.bits)) == expected)
            }
        }
    }

    @Test(arguments: [
        (UInt32(0), true), (0xFFFF, true), (0x1_0000, false), (0x2222_2221, false), (0x2222_2222, true),
        (0x2222_2223, false), (0xFFFF_FFFE, false), (0xFFFF_FFFF, true),
    ])
    func representable(field2: UInt32, fits: Bool) {
        let key = Key(field1: 0, field2: field2, field3: 1, field4: 2, field5: 3, field6: 4)
        #expect((CompactKey(key) != nil) == fits)
    }

    @Test func onlySevenBitsOfField1() throws {
        let key = Key(field1: 0xFF, field2: 0, field3: 0, field4: 0, field5: 0, field6: 0)
        #expect(try #require(CompactKey(key)).high == 0x7F << 56)
        #expect(Key(CompactKey(high: .max, low: .max)).field1 == 0x7F)
    }

    @Test(arguments: seeds)
    func roundTripsInOrder(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var previous = try #require(CompactKey(.min))
        for _ in 0..<2000 {
            let key = Key.randomCompactable(using: &generator)
            let compact = try #require(CompactKey(key))
            #expect(Key(compact) == key)
            #expect(CompactKey(bits: compact.bits) == compact)
            #expect(try CompactKey(bytes: compact.bytes) == compact)
            #expect(CompactKey(compact.description) == compact)
            #expect((previous < compact) == (Key(previous) < key))
            #expect((previous < compact) == (previous.bits < compact.bits))
            previous = compact
        }
    }

    @Test func binaryForm() throws {
        let compact = CompactKey(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10)
        #expect(compact.bytes == Array(1...16))
        #expect(compact.bits == 0x0102_0304_0506_0708_090A_0B0C_0D0E_0F10)
        #expect(throws: ShardIdentityError.wrongLength(expected: 16, found: 15)) {
            try CompactKey(bytes: Array(1...15))
        }
    }

    @Test(arguments: [
        "", "00067f0000000500004000000000000", "00067f000000050000400000000000070", "0x067f00000005000040000000000007",
    ])
    func rejects(text: String) {
        #expect(CompactKey(text) == nil)
    }
}
