import ReplicationProtocol
import SafekeeperServer
import ShardIdentity
import TestFixtures
import Testing

@Suite("Tombstones")
struct TombstonesTests {
    private let id = TenantTimelineID(0xAB, 0xCD)

    @Test(
        "What holds back what",
        arguments: [
            ([nil], 0, true), ([nil], 7, true), ([5], 0, true), ([5], 5, true), ([5], 6, false), ([5, 7], 6, true),
            ([7, 5], 7, true), ([5, nil], 9, true), ([nil, 5], 9, true), ([], 0, false),
        ] as [([UInt32?], UInt32, Bool)]
    )
    func generations(tombstones: [UInt32?], request: UInt32, isHeldBack: Bool) {
        var all = Tombstones()
        for generation in tombstones { all.insert(.timeline(id, generation.map(Generation.init))) }
        #expect(all.holdsBack(id, Generation(request)) == isHeldBack)
        #expect(all.contains(id) == !tombstones.isEmpty)
        #expect(!all.holdsBack(TenantTimelineID(0xAB, 0xCE), Generation(0)))
        all.remove(id)
        #expect(!all.holdsBack(id, Generation(0)))
    }

    @Test func aTenantsHoldsBackAll() {
        var all = Tombstones()
        all.insert(.tenant(id.tenant))
        all.remove(id)
        #expect(all.holdsBack(id, Generation(.max)) && all.contains(id) && all.contains(id.tenant))
        #expect(!all.contains(TenantTimelineID(0xAC, 0xCD)))
    }

    @Test func names() {
        let tenant = "000000000000000000000000000000ab"
        let timeline = "000000000000000000000000000000cd"
        let named: [(Tombstones.Tombstone, String)] = [
            (.tenant(id.tenant), tenant),
            (.timeline(id, nil), "\(tenant)_\(timeline)"),
            (.timeline(id, Generation(0)), "\(tenant)_\(timeline)_0"),
            (.timeline(id, Generation(.max)), "\(tenant)_\(timeline)_4294967295"),
        ]
        for (tombstone, name) in named {
            #expect(tombstone.fileName == name)
            #expect(Tombstones.Tombstone(fileName: name) == tombstone)
        }
        let others = [
            "", "_", "__", tenant.uppercased(), String(tenant.dropLast()), "\(tenant)_", "\(tenant)_\(timeline)_",
            "\(tenant)_\(timeline)_x", "\(tenant)_\(timeline)_+1", "\(tenant)_\(timeline)_01",
            "\(tenant)_\(timeline)_4294967296", "\(tenant)_\(timeline)_1_1", "\(tenant)_\(timeline)_-1",
            "lost+found", "\(tenant)/\(timeline)", "\(tenant) ", "\(tenant)_\(timeline.uppercased())",
        ]
        for name in others { #expect(Tombstones.Tombstone(fileName: name) == nil, "\(name)") }
    }

    @Test func damagedNamesNeverTrap() {
        var random = SeededGenerator(seed: 1)
        let name = Array(Tombstones.Tombstone.timeline(id, Generation(17)).fileName.utf8)
        for _ in 0..<10_000 {
            var bytes = name
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                bytes[index] = UInt8.random(in: 0 ... .max, using: &random)
            }
            let text = String(decoding: bytes, as: UTF8.self)
            if let tombstone = Tombstones.Tombstone(fileName: text) { #expect(tombstone.fileName == text) }
        }
    }
}
