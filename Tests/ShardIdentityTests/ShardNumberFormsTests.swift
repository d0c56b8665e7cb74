import ShardIdentity
import Testing

/// The text and binary forms of what start options and storage carry one by one.
@Suite struct ShardNumberFormsTests {
    @Test(arguments: [0, 1, 17, 254, 255] as [UInt8])
    func numbersAndCounts(value: UInt8) throws {
        #expect(ShardNumber("\(value)") == ShardNumber(value))
        #expect(ShardNumber(value).description == "\(value)")
        #expect(ShardNumber(value).bytes == [value])
        #expect(try ShardNumber(bytes: [value]) == ShardNumber(value))
        #expect(ShardCount("\(value)") == ShardCount(value))
        #expect(ShardCount(value).bytes == [value])
        #expect(try ShardCount(bytes: [value]) == ShardCount(value))
    }

    @Test(arguments: [1, 2048, 32768, UInt32.max])
    func stripeSizes(pages: UInt32) throws {
        let size = try ShardStripeSize(pages: pages)
        #expect(ShardStripeSize("\(pages)") == size)
        #expect(size.bytes == (0..<4).map { UInt8(truncatingIfNeeded: pages >> (24 - 8 * $0)) })
        #expect(try ShardStripeSize(bytes: size.bytes) == size)
    }

    @Test(arguments: ["", "-1", "+1", "256", "4294967296", "1 ", "0x1", "a"])
    func otherTextIsRefused(text: String) {
        #expect(ShardNumber(text) == nil)
        #expect(ShardCount(text) == nil)
        if text != "256" { #expect(ShardStripeSize(text) == nil) }
    }

    @Test func badValuesAreErrors() {
        #expect(ShardStripeSize("0") == nil)
        #expect(throws: ShardIdentityError.invalidStripeSize) { try ShardStripeSize(bytes: [0, 0, 0, 0]) }
        #expect(throws: ShardIdentityError.wrongLength(expected: 1, found: 2)) { try ShardNumber(bytes: [0, 0]) }
        #expect(throws: ShardIdentityError.wrongLength(expected: 4, found: 3)) {
            try ShardStripeSize(bytes: [0, 0, 1])
        }
    }
}
