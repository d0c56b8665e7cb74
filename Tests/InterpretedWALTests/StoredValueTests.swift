import InterpretedWAL
import TestFixtures
import Testing

/// Source: `wal-interpretation.md` §10 and §17.1.
@Suite struct StoredValueTests {
    struct Vector: Sendable {
        let value: StoredValue
        let bytes: String
        let isFresh: Bool
    }

    static let vectors: [Vector] = [
        Vector(value: .image(Array("foobar".utf8)), bytes: "000000000000000000000006666f6f626172", isFresh: true),
        Vector(value: .image([]), bytes: "000000000000000000000000", isFresh: true),
        Vector(
            value: .record(.postgres(willInit: true, record: [0xAA, 0xBB])),
            bytes: "0000000100000000010000000000000002aabb",
            isFresh: true
        ),
        Vector(
            value: .record(.postgres(willInit: false, record: [0xAA, 0xBB])),
            bytes: "0000000100000000000000000000000002aabb",
            isFresh: false
        ),
        Vector(
            value: .record(.clearVisibilityMapFlags(newHeapBlock: 17, oldHeapBlock: nil, flags: 3)),
            bytes: "000000010000000101000000110003",
            isFresh: false
        ),
        Vector(
            value: .record(.clogSetCommitted(xids: [1000, 1001], timestamp: 0x0002_AABB_CCDD_EEFF)),
            bytes: "00000001000000020000000000000002000003e8000003e90002aabbccddeeff",
            isFresh: false
        ),
        Vector(
            value: .record(.clogSetAborted(xids: [7])),
            bytes: "0000000100000003000000000000000100000007",
            isFresh: false
        ),
        Vector(
            value: .record(.multiXactOffsetCreate(multiXact: 5, memberOffset: 9)),
            bytes: "00000001000000040000000500000009",
            isFresh: false
        ),
        Vector(
            value: .record(
                .multiXactMembersCreate(memberOffset: 9, members: [MultiXactMember(xid: 100, status: 4)])
            ),
            bytes: "00000001000000050000000900000000000000010000006400000004",
            isFresh: false
        ),
        Vector(
            value: .record(.auxiliaryFile(path: "a/b", content: Array("xy".utf8))),
            bytes: "00000001000000060000000000000003612f620100000000000000027879",
            isFresh: false
        ),
        Vector(
            value: .record(.auxiliaryFile(path: "a/b", content: nil)),
            bytes: "00000001000000060000000000000003612f6200",
            isFresh: false
        ),
        Vector(
            value: .record(.truncateVisibilityMap(byte: 17, offset: 4)),
            bytes: "000000010000000700000000000000110000000000000004",
            isFresh: false
        ),
    ]

    @Test(arguments: vectors) func encodesAndDecodes(_ vector: Vector) throws {
        #expect(vector.value.encoded() == hex(vector.bytes))
        #expect(try StoredValue(decoding: hex(vector.bytes)) == vector.value)
    }

    private func startsFreshPage(_ bytes: [UInt8]) -> Bool {
        StoredValue.startsFreshPage(bytes.span.bytes)
    }

    @Test(arguments: vectors) func tellsFreshPages(_ vector: Vector) {
        #expect(vector.value.startsFreshPage == vector.isFresh)
        #expect(startsFreshPage(hex(vector.bytes)) == vector.isFresh)
    }

    @Test func bytesTooShortAreNoFreshPage() {
        #expect(!startsFreshPage([UInt8](repeating: 0, count: 11)))
        let record = StoredValue.record(.postgres(willInit: true, record: [])).encoded()
        #expect(record.count == 17)
        #expect(startsFreshPage(record))
        #expect(!startsFreshPage(record.dropLast()))
    }

    @Test func sizes() {
        let page = [UInt8](repeating: 0, count: 8192)
        #expect(StoredValue.image(page).encoded().count == 0x200C)
        #expect(StoredValue.record(.postgres(willInit: false, record: page)).encoded().count == 17 + 8192)
        #expect(StoredValue.imageHeaderSize == 12)
        #expect(StoredValue.postgresRecordHeaderSize == 17)
    }

    @Test func unknownVariantsAreNamed() {
        #expect(throws: BincodeError.unknownVariant(path: "Value", value: 2)) {
            try StoredValue(decoding: hex("00000002"))
        }
        #expect(throws: BincodeError.unknownVariant(path: "NeonWalRecord", value: 8)) {
            try StoredValue(decoding: hex("0000000100000008"))
        }
    }
}
