import ShardIdentity
import TestFixtures
import Testing

@Suite("Key: text, binary form, order")
struct KeyFormsTests {
    static let key = Key(
        field1: 0x01,
        field2: 0x2345_6789,
        field3: 0xABCD_EF01,
        field4: 0x2345_6789,
        field5: 0xAB,
        field6: 0xCDEF_0123
    )
    static let text = "0123456789ABCDEF0123456789ABCDEF0123"

    @Test func textHasFixedWidths() {
        #expect(Self.key.description == Self.text)
        #expect(Key.min.description == String(repeating: "0", count: 36))
        #expect(Key.max.description == String(repeating: "F", count: 36))
    }

    @Test(arguments: [text, text.lowercased(), "0123456789abcdef0123456789ABCDEF0123"])
    func parsesEitherCase(text: String) {
        #expect(Key(text) == Self.key)
    }

    static let malformed: [String] =
        [
            "", "0", String(text.dropLast()), "\(text)0", " \(text.dropFirst())", "\(text.dropLast()) ", "\(text)\n",
            "é\(text.dropFirst())", "é\(text.dropFirst(2))", String(repeating: "０", count: 12),
        ]
        // A wrong character in the place of the first, among them the neighbours of the digits.
        + ["G", "g", "/", ":", "@", "`", "+", "-", "x", "\u{0}"].map { "\($0)\(text.dropFirst())" }

    @Test(arguments: malformed)
    func rejects(text: String) {
        #expect(Key(text) == nil)
    }

    @Test func binaryFormIsTheTextInBytes() throws {
        let bytes: [UInt8] = [
            0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0x01, 0x23,
        ]
        #expect(Self.key.bytes == bytes)
        #expect(try Key(bytes: bytes) == Self.key)
        #expect(try Key(bytes: ([0xFF] + bytes + [0xFF]).span.bytes.extracting(1..<19)) == Self.key)
    }

    @Test(arguments: [0, 1, 17, 19, 36])
    func rejectsBinary(length: Int) {
        #expect(throws: ShardIdentityError.wrongLength(expected: 18, found: length)) {
            try Key(bytes: [UInt8](repeating: 0, count: length))
        }
    }

    @Test func writesIntoASpanThatHoldsMore() {
        let bytes = [UInt8](unsafeUninitializedCapacity: 64) { buffer, count in
            var output = OutputRawSpan(buffer: UnsafeMutableRawBufferPointer(buffer), initializedCount: 0)
            output.append(0xEE, as: UInt8.self)
            Self.key.write(to: &output)
            Key.max.write(to: &output)
            count = output.finalize(for: UnsafeMutableRawBufferPointer(buffer))
        }
        #expect(bytes == [0xEE] + Self.key.bytes + Key.max.bytes)
    }

    @Test(arguments: seeds)
    func roundTrips(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let key = Key.random(using: &generator)
            #expect(Key(key.description) == key)
            #expect(Key(key.description.lowercased()) == key)
            #expect(try Key(bytes: key.bytes) == key)
        }
    }

    @Test(arguments: seeds)
    func ordersLikeTextAndBytes(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let first = Key.random(using: &generator)
            var second = Key.random(using: &generator)
            // Half of the time equal in the upper fields, so that the lower ones decide.
            if Bool.random(using: &generator) { (second.field1, second.field2) = (first.field1, first.field2) }
            if Bool.random(using: &generator) { (second.field3, second.field4) = (first.field3, first.field4) }
            #expect((first < second) == (first.description < second.description))
            #expect((first < second) == first.bytes.lexicographicallyPrecedes(second.bytes))
            #expect(!(first < first))
        }
    }

    @Test func eachFieldOutranksTheNext() {
        let keys = [
            Key(field1: 0, field2: .max, field3: .max, field4: .max, field5: .max, field6: .max),
            Key(field1: 1, field2: 0, field3: .max, field4: .max, field5: .max, field6: .max),
            Key(field1: 1, field2: 1, field3: 0, field4: .max, field5: .max, field6: .max),
            Key(field1: 1, field2: 1, field3: 1, field4: 0, field5: .max, field6: .max),
            Key(field1: 1, field2: 1, field3: 1, field4: 1, field5: 0, field6: .max),
            Key(field1: 1, field2: 1, field3: 1, field4: 1, field5: 1, field6: 0),
            Key(field1: 1, field2: 1, field3: 1, field4: 1, field5: 1, field6: 1),
        ]
        for (lower, higher) in zip(keys, keys.dropFirst()) {
            #expect(lower < higher)
            #expect(!(higher < lower))
        }
    }
}

@Suite("Key: next")
struct KeyNextTests {
    @Test(arguments: [
        ("000000000000000000000000000000000000", "000000000000000000000000000000000001"),
        ("000000067F0000000500004000000000FFFF", "000000067F00000005000040000000010000"),
        ("000000067F000000050000400000FFFFFFFF", "000000067F00000005000040000100000000"),
        ("000000067F0000000500004000FFFFFFFFFF", "000000067F00000005000040010000000000"),
        ("000000067F00000005FFFFFFFFFFFFFFFFFF", "000000067F00000006000000000000000000"),
        ("000000067FFFFFFFFFFFFFFFFFFFFFFFFFFF", "000000068000000000000000000000000000"),
        ("00FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "010000000000000000000000000000000000"),
        ("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"),
    ])
    func carries(key: String, next: String) throws {
        #expect(try #require(Key(key)).next == Key(next))
    }

    @Test func theHighestKeyHasNone() {
        #expect(Key.max.next == nil)
    }
}
