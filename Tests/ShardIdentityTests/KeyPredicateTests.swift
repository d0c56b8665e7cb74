import ShardIdentity
import Testing

/// What a key is, by the predicates; `other` if none holds.
struct Kinds: OptionSet, Hashable {
    let rawValue: Int

    static let relationBlock = Kinds(rawValue: 1 << 0)
    static let relationSize = Kinds(rawValue: 1 << 1)
    static let relationDirectory = Kinds(rawValue: 1 << 2)
    static let freeSpaceMap = Kinds(rawValue: 1 << 3)
    static let visibilityMap = Kinds(rawValue: 1 << 4)
    static let slruBlock = Kinds(rawValue: 1 << 5)
    static let slruSize = Kinds(rawValue: 1 << 6)
    static let slruDirectory = Kinds(rawValue: 1 << 7)
    static let auxFile = Kinds(rawValue: 1 << 8)
    static let metadata = Kinds(rawValue: 1 << 9)
    static let other: Kinds = []

    init(rawValue: Int) {
        self.rawValue = rawValue
    }

    init(_ key: Key) {
        self = .other
        if key.isRelationBlock { insert(.relationBlock) }
        if key.isRelationSize { insert(.relationSize) }
        if key.isRelationDirectory { insert(.relationDirectory) }
        if key.isFreeSpaceMapBlock { insert(.freeSpaceMap) }
        if key.isVisibilityMapBlock { insert(.visibilityMap) }
        if key.isSLRUBlock { insert(.slruBlock) }
        if key.isSLRUSegmentSize { insert(.slruSize) }
        if key.isSLRUDirectory { insert(.slruDirectory) }
        if key.isAuxFile { insert(.auxFile) }
        if key.isMetadata { insert(.metadata) }
    }
}

@Suite("Key: predicates")
struct KeyPredicateTests {
    static let rows: [(key: String, kinds: Kinds, inherited: Bool)] = [
        ("000000000000000000000000000000000000", .other, true),
        ("000000067F00000005000000000000000000", .other, true),
        ("000000067F00000005000000000000000001", .relationDirectory, true),
        ("000000067F00000005000000000000000002", .other, true),
        ("000000067F00000005000000000100000001", .other, true),
        ("000000068000000000000000000000000001", .other, true),
        ("000000000000000005000000000000000001", .other, true),
        ("000000067F00000005000040000000000000", .relationBlock, true),
        ("000000067F000000050000400000FFFFFFFE", .relationBlock, true),
        ("000000067F000000050000400000FFFFFFFF", .relationSize, true),
        ("000000067F000000050000000000FFFFFFFF", .relationSize, true),
        ("000000067F00000005000040000100000000", [.relationBlock, .freeSpaceMap], true),
        ("000000067F00000005000040000200000000", [.relationBlock, .visibilityMap], true),
        ("000000067F000000050000400002FFFFFFFF", .relationSize, true),
        ("000000067F00000005000040000300000000", .relationBlock, true),
        ("010000000000000000000000000000000000", .slruDirectory, true),
        ("010000000900000000000000000000000000", .slruDirectory, true),
        ("010000000000000000000000000000000001", .other, true),
        ("010000000000000001000000000000000000", .slruBlock, true),
        ("010000000900000001000000000000000000", .slruBlock, true),
        ("010000000000000002000000000000000000", .other, true),
        ("0100000002000000010000000700FFFFFFFF", .slruSize, true),
        ("0100000003000000010000000700FFFFFFFF", .other, true),
        ("0100000002000000010000000701FFFFFFFF", .other, true),
        ("020000000000000000000000000000000000", .other, true),
        ("030000000000000000000000000000000000", .other, true),
        ("030000000000000000000000000000000002", .other, false),
        ("030000000000000000000000000000000003", .other, true),
        ("5FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", .other, true),
        ("600000000000000000000000000000000000", .metadata, false),
        ("610000067F00000005000040000000000000", .metadata, true),
        ("6200000102EBB8F4B3D3DA37CE850C691BD0", [.metadata, .auxFile], false),
        ("630000000000000000000000000000000001", .metadata, false),
        ("640000000000000000000000000000000000", .metadata, false),
        ("650000067F00000005000040000200000001", .metadata, false),
        ("7EFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", .metadata, false),
        ("7F0000000000000000000000000000000000", .other, true),
    ]

    @Test(arguments: rows)
    func kinds(text: String, kinds: Kinds, inherited: Bool) throws {
        let key = try #require(Key(text))
        #expect(Kinds(key) == kinds)
        #expect(key.isInheritedByBranches == inherited)
    }
}
