import ShardIdentity
import TestFixtures
import Testing

@Suite("ShardIdentity")
struct ShardIdentityTests {
    @Test func binaryForm() throws {
        let identity = try ShardIdentity(number: 1, count: 4, stripeSize: 2048)
        #expect(identity.bytes == [1, 4, 0, 0, 8, 0, 1])
        #expect(try ShardIdentity(bytes: identity.bytes) == identity)
        #expect(identity.storageSuffix == "-0104")
        #expect(identity.index.description == "0104")
        #expect(identity.description == "shard 1 of 4, stripe size 2048")
        #expect(!identity.isUnsharded)
    }

    @Test func unsharded() throws {
        let identity = ShardIdentity.unsharded
        #expect(identity.number == .zero)
        #expect(identity.count == .unsharded)
        #expect(identity.count.effective == 1)
        #expect(identity.stripeSize.pages == 2048)
        #expect(identity.layout == .stripes)
        #expect(identity.bytes == [0, 0, 0, 0, 8, 0, 1])
        #expect(try ShardIdentity(bytes: identity.bytes) == identity)
        #expect(identity.storageSuffix == "")
        #expect(identity.description == "unsharded, stripe size 2048")
        #expect(identity.isUnsharded)
    }

    @Test(arguments: [
        (UInt8(0), UInt8(0), UInt32(2048), ShardIdentityError.invalidShardCount),
        (5, 0, 0, .invalidShardCount),
        (4, 4, 2048, .invalidShardNumber(number: 4, count: 4)),
        (255, 255, 0, .invalidShardNumber(number: 255, count: 255)),
        (0, 1, 0, .invalidStripeSize),
    ])
    func constructionErrors(number: UInt8, count: UInt8, stripeSize: UInt32, error: ShardIdentityError) {
        #expect(throws: error) { try ShardIdentity(number: number, count: count, stripeSize: stripeSize) }
    }

    @Test func constructionErrorsOfTheParts() {
        #expect(throws: ShardIdentityError.invalidStripeSize) { try ShardStripeSize(pages: 0) }
        #expect(throws: ShardIdentityError.invalidShardCount) {
            try ShardIdentity(number: .zero, count: .unsharded, stripeSize: .standard)
        }
        #expect(throws: ShardIdentityError.invalidShardNumber(number: 2, count: 2)) {
            try ShardIdentity(number: ShardNumber(2), count: ShardCount(2), stripeSize: .standard)
        }
    }

    @Test(arguments: [
        ([], ShardIdentityError.wrongLength(expected: 7, found: 0)),
        ([1, 4, 0, 0, 8, 0], .wrongLength(expected: 7, found: 6)),
        ([1, 4, 0, 0, 8, 0, 1, 0], .wrongLength(expected: 7, found: 8)),
        ([4, 4, 0, 0, 8, 0, 1], .invalidShardNumber(number: 4, count: 4)),
        ([1, 0, 0, 0, 8, 0, 1], .invalidShardNumber(number: 1, count: 0)),
        ([1, 4, 0, 0, 0, 0, 1], .invalidStripeSize),
        ([1, 4, 0, 0, 8, 0, 0], .unusableLayout(0)),
        ([1, 4, 0, 0, 8, 0, 2], .unusableLayout(2)),
        ([1, 4, 0, 0, 8, 0, 255], .unusableLayout(255)),
    ])
    func rejectsBinary(bytes: [UInt8], error: ShardIdentityError) {
        #expect(throws: error) { try ShardIdentity(bytes: bytes) }
    }

    @Test(arguments: [
        (ShardIdentityError.invalidShardCount, "Invalid shard count"),
        (.invalidShardNumber(number: 4, count: 4), "Invalid shard number"),
        (.invalidStripeSize, "Invalid stripe size"),
        (.unusableLayout(255), "Unusable shard layout: 255"),
        (.wrongLength(expected: 7, found: 6), "Wrong length: 6 bytes instead of 7"),
    ])
    func errorTexts(error: ShardIdentityError, text: String) {
        #expect("\(error)" == text)
    }

    /// A shard under another count or stripe size is another shard: `pitfalls.md` A4.
    @Test func equalityIsOverAllFields() throws {
        let identity = try ShardIdentity(number: 1, count: 4, stripeSize: 2048)
        #expect(identity == (try ShardIdentity(number: 1, count: 4, stripeSize: 2048)))
        #expect(identity != (try ShardIdentity(number: 2, count: 4, stripeSize: 2048)))
        #expect(identity != (try ShardIdentity(number: 1, count: 8, stripeSize: 2048)))
        #expect(identity != (try ShardIdentity(number: 1, count: 4, stripeSize: 32768)))
        #expect(ShardIdentity.unsharded != ShardIdentity(index: .unsharded, stripeSize: .former))
        #expect(ShardIdentity.unsharded != (try ShardIdentity(number: 0, count: 1, stripeSize: 2048)))
    }

    @Test(arguments: seeds)
    func roundTrips(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<1000 {
            let count = UInt8.random(in: 1...255, using: &generator)
            let identity = try ShardIdentity(
                number: UInt8.random(in: 0..<count, using: &generator),
                count: count,
                stripeSize: UInt32.random(in: 1 ... .max, using: &generator)
            )
            #expect(try ShardIdentity(bytes: identity.bytes) == identity)
        }
    }

    /// Any 7 bytes are either an identity that comes back as they were, or an error.
    @Test(arguments: seeds)
    func anyBytes(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let bytes = (0..<7).map { _ in UInt8.random(in: 0...5, using: &generator) }
            guard let identity = try? ShardIdentity(bytes: bytes) else { continue }
            #expect(identity.bytes == bytes)
        }
    }
}
