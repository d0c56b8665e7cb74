import ShardIdentity
import TestFixtures
import Testing

@Suite("Shard of a key")
struct ShardHashTests {
    @Test(arguments: [(UInt32(0x4000), UInt32(0x5308_5746)), (1, 0x514E_28B7), (0, 0)])
    func murmur(value: UInt32, hash: UInt32) {
        #expect(ShardHash.murmur(value) == hash)
    }

    @Test(arguments: [
        (UInt32(0x5308_5746), UInt32(0x514E_28B7), UInt32(0x9555_DE87)),
        (0xB1FF_3B40, 0, 0xFB79_23C9),
    ])
    func combine(first: UInt32, second: UInt32, hash: UInt32) {
        #expect(ShardHash.combine(first, second) == hash)
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var key: String
        var count: UInt8
        var stripeSize: UInt32
        /// Nil where the table shows none: the shard is 0 by rule.
        var hash: UInt32?
        var shard: UInt8
        var isGlobal = false

        var testDescription: String { "\(key) \(count)/\(stripeSize)" }
    }

    static let rows: [Row] = [
        Row(key: "000000067F00000005000040000000000000", count: 4, stripeSize: 2048, hash: 0x2607_364C, shard: 0),
        Row(key: "000000067F000000050000400000000007FF", count: 4, stripeSize: 2048, hash: 0x2607_364C, shard: 0),
        Row(key: "000000067F00000005000040000000000800", count: 4, stripeSize: 2048, hash: 0x9555_DE87, shard: 3),
        Row(key: "000000067F00000005000040000000001000", count: 4, stripeSize: 2048, hash: 0xF50C_7356, shard: 2),
        Row(key: "000000067F00000005000040000000001800", count: 4, stripeSize: 2048, hash: 0xA808_4277, shard: 3),
        Row(key: "000000067F00000005000040010000000000", count: 4, stripeSize: 2048, hash: 0x5109_7B49, shard: 1),
        Row(key: "000000067F00000005000040000200000000", count: 4, stripeSize: 2048, hash: 0x2607_364C, shard: 0),
        Row(key: "000000067F00000005000040000100000002", count: 4, stripeSize: 2048, hash: 0x2607_364C, shard: 0),
        Row(key: "000000067F00000005000040000300000000", count: 4, stripeSize: 2048, hash: 0x2607_364C, shard: 0),
        Row(key: "000000068000000000000004EE0000000000", count: 4, stripeSize: 2048, hash: 0x28E4_0924, shard: 0),
        Row(key: "000000067F000000050000400000FFFFFFFE", count: 4, stripeSize: 2048, hash: 0x1150_2EDC, shard: 0),
        Row(key: "000000067F000000050000400000FFFFFFFF", count: 4, stripeSize: 2048, shard: 0, isGlobal: true),
        Row(key: "000000067F000000050000400C0000007D06", count: 10, stripeSize: 32768, hash: 0x6586_4A36, shard: 8),
        Row(key: "000000067F000000050000400C0000007D06", count: 8, stripeSize: 2048, hash: 0xB07C_9273, shard: 3),
        Row(key: "000000067F00000005008000010000000BB8", count: 8, stripeSize: 32768, hash: 0x5F45_94AE, shard: 6),
        Row(key: "000000067F00000005008000010000000BB8", count: 255, stripeSize: 1, hash: 0x2937_52A0, shard: 83),
        Row(key: "000000067F00000005000040010000000000", count: 1, stripeSize: 2048, hash: 0x5109_7B49, shard: 0),
        Row(key: "000000067F00000005000000000000000001", count: 4, stripeSize: 2048, shard: 0, isGlobal: true),
        Row(key: "010000000000000001000000000000000005", count: 4, stripeSize: 2048, shard: 0),
        Row(key: "0100000002000000010000000700FFFFFFFF", count: 4, stripeSize: 2048, shard: 0),
        Row(key: "010000000000000000000000000000000000", count: 4, stripeSize: 2048, shard: 0),
        Row(key: "0200000000000000000000000000000002E4", count: 4, stripeSize: 2048, shard: 0, isGlobal: true),
        Row(key: "030000000000000000000000000000000001", count: 4, stripeSize: 2048, shard: 0, isGlobal: true),
        Row(key: "630000000000000000000000000000000001", count: 4, stripeSize: 2048, shard: 0, isGlobal: true),
        Row(key: "6200000102EBB8F4B3D3DA37CE850C691BD0", count: 4, stripeSize: 2048, shard: 0),
    ]

    @Test(arguments: rows)
    func table(row: Row) throws {
        let key = try #require(Key(row.key))
        let stripeSize = try ShardStripeSize(pages: row.stripeSize)
        if let hash = row.hash {
            let stripe = stripeSize.stripe(ofBlock: key.field6)
            #expect(ShardHash.hash(relation: key.field4, stripe: stripe) == hash)
        }
        #expect(key.isGlobal == row.isGlobal)
        for number in 0..<row.count {
            let identity = try ShardIdentity(number: number, count: row.count, stripeSize: row.stripeSize)
            #expect(identity.shard(of: key) == ShardNumber(row.shard))
            #expect(identity.isLocal(key) == (number == row.shard))
            #expect(identity.isDisposable(key) == (number != row.shard && !row.isGlobal))
        }
    }

    @Test func theTableIsWhole() {
        #expect(Self.rows.count == 25)
    }

    @Test func anInitForkStaysOnShardZero() throws {
        let key = try #require(Key("000000067F00000005000040000300000800"))
        #expect(ShardIdentity.shardNumber(of: key, count: ShardCount(4), stripeSize: .standard) == .zero)
        #expect(ShardIdentity.stripeOwner(relation: 0x4000, stripe: 1, count: ShardCount(4)) == ShardNumber(3))
        #expect(key.isAlwaysOnShardZero)
        #expect(!key.isGlobal)
    }

    @Test func oneShardOwnsEverything() throws {
        let only = try ShardIdentity(number: 0, count: 1, stripeSize: 1)
        for row in Self.rows {
            let key = try #require(Key(row.key))
            for identity in [only, .unsharded] {
                #expect(identity.shard(of: key) == .zero)
                #expect(identity.isLocal(key))
                #expect(!identity.isDisposable(key))
            }
        }
    }

    @Test func noBlocksOfRelations() {
        let count = ShardCount(255)
        for stripeSize in [ShardStripeSize.standard, .former] {
            let size = ShardIdentity.shardNumber(
                relation: 16384,
                block: .max,
                fork: ForkNumber.main,
                count: count,
                stripeSize: stripeSize
            )
            #expect(size == .zero)
            let nothing = ShardIdentity.shardNumber(
                relation: 0,
                block: 1,
                fork: ForkNumber.main,
                count: count,
                stripeSize: stripeSize
            )
            #expect(nothing == .zero)
        }
    }

    @Test(arguments: seeds)
    func theWaysToAskAgree(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let key = Key.randomRelationBlock(using: &generator)
            let count = UInt8.random(in: 1...255, using: &generator)
            let stripeSize = UInt32.random(in: 1...40000, using: &generator)
            let number = UInt8.random(in: 0..<count, using: &generator)
            let identity = try ShardIdentity(number: number, count: count, stripeSize: stripeSize)

            let owner = identity.shard(of: key)
            #expect(owner.rawValue < count)
            #expect(identity.shard(relation: key.field4, block: key.field6, fork: key.field5) == owner)
            #expect(identity.isLocal(key) == (owner.rawValue == number))
            #expect(identity.isDisposable(key) == (owner.rawValue != number))
            if key.field5 != ForkNumber.initialization {
                let stripe = identity.stripeSize.stripe(ofBlock: key.field6)
                let cached = ShardIdentity.stripeOwner(relation: key.field4, stripe: stripe, count: identity.count)
                #expect(cached == owner)
            }
        }
    }
}
