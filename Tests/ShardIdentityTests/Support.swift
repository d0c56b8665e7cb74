import ShardIdentity
import TestFixtures

/// The seeds of the randomised tests; each is an argument of its test, so a failure names it.
let seeds: [UInt64] = [1, 0x5EED, 20_250_409]

extension Key {
    /// Any key at all, with a liking for edges.
    static func random(using generator: inout SeededGenerator) -> Key {
        func word() -> UInt32 {
            switch UInt8.random(in: 0...5, using: &generator) {
            case 0: 0
            case 1: .max
            case 2: UInt32.random(in: 0...3, using: &generator)
            default: UInt32.random(in: .min ... .max, using: &generator)
            }
        }
        return Key(
            field1: UInt8.random(in: .min ... .max, using: &generator),
            field2: word(),
            field3: word(),
            field4: word(),
            field5: UInt8.random(in: .min ... .max, using: &generator),
            field6: word()
        )
    }

    /// Any key that a compact key can hold without loss.
    static func randomCompactable(using generator: inout SeededGenerator) -> Key {
        var key = random(using: &generator)
        key.field1 &= 0x7F
        key.field2 &= 0xFFFF
        return key
    }

    /// A block of a relation, often near others.
    static func randomRelationBlock(using generator: inout SeededGenerator) -> Key {
        let locator = RelationLocator(
            tablespace: TablespaceOID.standard,
            database: 5,
            relation: UInt32.random(in: 1 ... .max, using: &generator)
        )
        let tag = RelationTag(locator: locator, fork: UInt8.random(in: 0...3, using: &generator))
        return .relationBlock(tag, block: UInt32.random(in: 0..<0xFFFF_FFFF, using: &generator))
    }
}
