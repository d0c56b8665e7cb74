import ShardIdentity
import TestFixtures
import Testing

private func index(_ number: UInt8, _ count: UInt8) throws -> ShardIndex {
    try ShardIndex(number: ShardNumber(number), count: ShardCount(count))
}

@Suite("ShardIndex")
struct ShardIndexTests {
    @Test(arguments: [
        (UInt8(13), UInt8(17), "0d11"), (0, 1, "0001"), (0, 0, "0000"), (254, 255, "feff"), (1, 4, "0104"),
    ])
    func forms(number: UInt8, count: UInt8, text: String) throws {
        let shard = try index(number, count)
        #expect(shard.description == text)
        #expect(ShardIndex(text) == shard)
        #expect(ShardIndex(text.uppercased()) == shard)
        #expect(shard.bytes == [number, count])
        #expect(try ShardIndex(bytes: [number, count]) == shard)
        #expect(shard.storageSuffix == (count == 0 ? "" : "-" + text))
        #expect(shard.isUnsharded == (count == 0))
    }

    @Test(arguments: [
        "", "0", "010", "01040", "-0104", "01-04", "0g04", " 104", "+104", "0404", "0504", "0100", "ffff",
    ])
    func rejects(text: String) {
        #expect(ShardIndex(text) == nil)
    }

    /// Every pair of bytes either is an index and comes back, or is refused.
    @Test func everyPair() {
        var wrong: [String] = []
        for number in UInt8.min ... .max {
            for count in UInt8.min ... .max {
                let shard = try? ShardIndex(bytes: [number, count])
                let isValid = number < count || (number, count) == (0, 0)
                if (shard != nil) != isValid || (isValid && shard?.bytes != [number, count]) {
                    wrong.append("\(number) of \(count)")
                }
            }
        }
        #expect(wrong.isEmpty)
    }

    @Test func errors() {
        #expect(throws: ShardIdentityError.invalidShardNumber(number: 4, count: 4)) { try index(4, 4) }
        #expect(throws: ShardIdentityError.invalidShardNumber(number: 1, count: 0)) { try index(1, 0) }
        #expect(throws: ShardIdentityError.wrongLength(expected: 2, found: 3)) { try ShardIndex(bytes: [0, 1, 0]) }
    }

    @Test func order() throws {
        let sorted = [try index(0, 0), try index(0, 4), try index(1, 2), try index(1, 4), try index(3, 4)]
        #expect(sorted.reversed().sorted() == sorted)
    }
}

@Suite("Tenants")
struct TenantShardIDTests {
    static let text = "0123456789abcdef00000000000000ff"

    @Test func tenant() throws {
        let tenant = try #require(TenantID(Self.text))
        #expect(tenant.bits == 0x0123_4567_89AB_CDEF_0000_0000_0000_00FF)
        #expect(tenant.description == Self.text)
        #expect(TenantID(Self.text.uppercased()) == tenant)
        #expect(tenant.bytes == [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0, 0, 0, 0, 0, 0, 0, 0xFF])
        #expect(try TenantID(bytes: tenant.bytes) == tenant)
        #expect(throws: ShardIdentityError.wrongLength(expected: 16, found: 17)) {
            try TenantID(bytes: [UInt8](repeating: 0, count: 17))
        }
    }

    @Test(arguments: [("", UInt8(0), UInt8(0)), ("-0104", 1, 4), ("-0d11", 13, 17), ("-0001", 0, 1)])
    func forms(suffix: String, number: UInt8, count: UInt8) throws {
        let tenant = try #require(TenantID(Self.text))
        let shard = TenantShardID(tenant: tenant, shard: try index(number, count))
        #expect(shard.description == Self.text + suffix)
        #expect(TenantShardID(Self.text + suffix) == shard)
        #expect(TenantShardID((Self.text + suffix).uppercased()) == shard)
        #expect(shard.bytes == tenant.bytes + [number, count])
        #expect(try TenantShardID(bytes: shard.bytes) == shard)
    }

    @Test(arguments: [
        "", "-0104", "0", String(text.dropLast()), text + "0", text + "-", text + "-010", text + "-01040",
        text + "_0104", text + "00104", text + "-0404", text + "-010g", "g" + text.dropFirst(),
        text.dropLast() + "--0104", text + "-0104 ", "é" + text.dropFirst(2) + "-0104",
    ])
    func rejects(text: String) {
        #expect(TenantShardID(text) == nil)
        #expect(TenantID(text) == nil)
    }

    @Test func rejectsBinary() {
        #expect(throws: ShardIdentityError.wrongLength(expected: 18, found: 16)) {
            try TenantShardID(bytes: [UInt8](repeating: 0, count: 16))
        }
        #expect(throws: ShardIdentityError.invalidShardNumber(number: 2, count: 2)) {
            try TenantShardID(bytes: [UInt8](repeating: 0, count: 16) + [2, 2])
        }
    }

    @Test(arguments: seeds)
    func roundTrips(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var previous = TenantShardID(tenant: TenantID(bits: 0))
        for _ in 0..<1000 {
            let count = UInt8.random(in: 1...255, using: &generator)
            let shard = TenantShardID(
                tenant: TenantID(bits: UInt128.random(in: 0 ... .max, using: &generator)),
                shard: try index(UInt8.random(in: 0..<count, using: &generator), count)
            )
            #expect(TenantShardID(shard.description) == shard)
            #expect(try TenantShardID(bytes: shard.bytes) == shard)
            #expect((previous < shard) == (previous.description < shard.description))
            previous = shard
        }
    }
}

@Suite("Splitting")
struct SplitTests {
    @Test(arguments: [
        ("0000", UInt8(1), ["0001"]),
        ("0000", 4, ["0004", "0104", "0204", "0304"]),
        ("0001", 2, ["0002", "0102"]),
        ("0102", 8, ["0108", "0308", "0508", "0708"]),
        ("0203", 8, ["0208", "0508"]),
        ("0104", 4, ["0104"]),
        ("fdfe", 255, ["fdff"]),
        ("0304", 2, []),
        ("0001", 0, []),
    ])
    func children(parent: String, count: UInt8, children: [String]) throws {
        let shard = try #require(ShardIndex(parent))
        #expect(shard.children(whenSplitInto: ShardCount(count)).map(\.description) == children)

        let tenant = TenantID(bits: 7)
        let parent = TenantShardID(tenant: tenant, shard: shard)
        #expect(parent.children(whenSplitInto: ShardCount(count)).map(\.shard.description) == children)
        #expect(parent.children(whenSplitInto: ShardCount(count)).allSatisfy { $0.tenant == tenant })
    }

    @Test func everyChildHasOneParent() throws {
        for (old, new) in [(UInt8(0), UInt8(5)), (1, 255), (3, 8), (4, 16), (100, 255)] {
            let parents = try (0..<max(old, 1)).map { try index($0, old) }
            let children = parents.flatMap { $0.children(whenSplitInto: ShardCount(new)) }
            #expect(children.sorted() == (try (0..<new).map { try index($0, new) }))
        }
    }

    @Test(arguments: seeds)
    func aKeyGoesToAChildOfItsShard(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<1000 {
            let key = Key.randomRelationBlock(using: &generator)
            let old = UInt8.random(in: 1...16, using: &generator)
            let new = old * UInt8.random(in: 1...15, using: &generator)
            let before = ShardIdentity.shardNumber(of: key, count: ShardCount(old), stripeSize: .standard)
            let after = ShardIdentity.shardNumber(of: key, count: ShardCount(new), stripeSize: .standard)
            let children = try index(before.rawValue, old).children(whenSplitInto: ShardCount(new))
            #expect(children.map(\.number).contains(after))
        }
    }
}
