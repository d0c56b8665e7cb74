import Ingest
import PostgresWAL
import ShardIdentity

/// What shards hold together against what one shard holds that has everything, key by key; each difference in words.
///
/// What a key is says who has it (`ingest.md` §2.4, §3.2):
///
/// - A block is on the shard that owns it, in all versions that come from the stream, and nowhere else. SLRUs and aux files
///   are on shard zero and nowhere else.
/// - Shard zero has every version of everything that is no block: it is told of all blocks that others get.
/// - What all shards are sent, and what nobody derives from blocks, is the same on all of them in every version: databases,
///   relation maps, prepared transactions, replication origins, the control file.
/// - Relations, their sizes and the counters of shards beyond zero are what those have seen. Tables have all of them; maps
///   those that have a page of theirs. They know a size up to their last page; what they lack never was written. They
///   know of the transaction ids in records that are for them.
struct UnionComparison {
    /// A shard as it answers, and all that is in its store.
    typealias Part = (reader: ShardReader, content: StoreContent)

    private let lsn: LSN
    private let whole: Part
    private(set) var differences: [String] = []
    /// Blocks that were compared.
    private(set) var blocks = 0
    /// Relation sizes that were compared for equality on shard zero: of tables, and of maps.
    private(set) var sizes = (tables: 0, maps: 0)
    /// Sizes of shards beyond zero that are smaller, and forks that those don't know.
    private(set) var smaller = 0
    private(set) var unknown = 0

    init(_ whole: Part, at lsn: LSN) {
        self.whole = whole
        self.lsn = lsn
    }

    private mutating func expect(_ holds: Bool, _ text: @autoclosure () -> String) {
        if !holds { differences.append(text()) }
    }

    /// Compares all shards of one layout.
    mutating func compare(_ parts: [Part]) throws {
        var keys = Set(whole.content.versions.keys)
        for part in parts { keys.formUnion(part.content.versions.keys) }
        for (reader, content) in parts {
            let identity = reader.shard.identity
            for key in keys { compare(key, content, identity) }
            guard identity.number != .zero else { continue }
            try compareRelations(of: reader, content)
            try compareCounters(of: reader)
        }
    }

    private mutating func compare(_ key: Key, _ content: StoreContent, _ identity: ShardIdentity) {
        if identity.isDisposable(key) {
            expect(content.versions[key] == nil, "\(key) is on \(identity)")
        } else if key.isRelationBlock {
            guard identity.isLocal(key) else { return }
            expect(content.streamed(key) == whole.content.streamed(key), "\(key) on \(identity)")
            blocks += 1
        } else if identity.number == .zero || !Self.isSeen(key) {
            expect(content.versions[key] == whole.content.versions[key], "\(key) on \(identity)")
            guard key.isRelationSize else { return }
            if key.field5 == ForkNumber.freeSpaceMap || key.field5 == ForkNumber.visibilityMap {
                sizes.maps += 1
            } else {
                sizes.tables += 1
            }
        }
    }

    /// Whether a key that every shard has is about what a shard has seen.
    private static func isSeen(_ key: Key) -> Bool {
        let isRelationDirectory = key == .relationDirectory(tablespace: key.field2, database: key.field3)
        return isRelationDirectory || key.isRelationSize || key == .checkpoint
    }

    private mutating func compareRelations(of reader: ShardReader, _ content: StoreContent) throws {
        let (identity, all) = (reader.shard.identity, whole.reader)
        for (database, _) in try all.databases(at: lsn) {
            let known = Set(try reader.relations(of: database, at: lsn))
            let relations = Set(try all.relations(of: database, at: lsn))
            expect(known.isSubset(of: relations), "\(known.subtracting(relations)) on \(identity)")
            for relation in relations {
                let size = try all.relationSize(relation, at: lsn) ?? 0
                let own = (0..<size).map { Key.relationBlock(relation, block: $0) }.filter(identity.isLocal)
                guard known.contains(relation) else {
                    let isMap = relation.fork == ForkNumber.freeSpaceMap || relation.fork == ForkNumber.visibilityMap
                    let isElsewhere = own.allSatisfy { content.streamed($0).isEmpty }
                    expect(isMap && isElsewhere, "\(relation) is not on \(identity)")
                    unknown += 1
                    continue
                }
                let part = try reader.relationSize(relation, at: lsn) ?? 0
                expect(part <= size, "\(relation) has \(part) blocks on \(identity), \(size) in all")
                if part < size { smaller += 1 }
                for key in own where key.field6 >= part {
                    let newest = whole.content.versions[key]?.first
                    expect(newest.map { $0.isZeroPage || $0.isCopy } ?? true, "\(key) is beyond \(part) on \(identity)")
                }
            }
        }
    }

    private mutating func compareCounters(of reader: ShardReader) throws {
        var found = try reader.checkpoint(at: lsn)
        let expected = try whole.reader.checkpoint(at: lsn)
        let isBehind = found.nextXID <= expected.nextXID && found.oldestActiveXID <= expected.oldestActiveXID
        expect(isBehind, "\(found) on \(reader.shard.identity), \(expected) in all")
        // After a shutdown the oldest running transaction is the next one.
        found.nextXID = expected.nextXID
        found.oldestActiveXID = expected.oldestActiveXID
        expect(found == expected, "\(found) on \(reader.shard.identity), \(expected) in all")
    }
}
