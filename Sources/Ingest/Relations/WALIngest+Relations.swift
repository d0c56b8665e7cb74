internal import PostgresWAL
internal import ShardIdentity

// Relations and their sizes. No pages are ever removed: sizes and directories say what counts.
// Source: `ingest.md` §3.5.

extension RelationLocator {
    var databaseLocator: DatabaseLocator { DatabaseLocator(tablespace: tablespace, database: database) }
}

extension WALIngest {
    /// The packed form of a fork; throws if no such fork can exist.
    func pack(_ relation: RelationTag) throws(IngestFault) -> PackedFork {
        guard relation.locator.relation != 0, relation.fork <= ForkNumber.initialization else {
            throw .invalidRelation(relation)
        }
        let key = Key.relationBlock(relation, block: 0)
        guard let compact = CompactKey(key) else { throw .unrepresentableKey(key) }
        return PackedFork(compact)
    }

    /// The size of a fork in blocks; nil if there is no such fork.
    mutating func size(of relation: RelationTag) throws(IngestFault) -> UInt32? {
        let packed = try pack(relation)
        if let size = relations[packed] { return size }
        let database = relation.locator.databaseLocator
        guard try databases().hasRelationMap[database] != nil else { return nil }
        let directory = try relationDirectory(of: database)
        guard directory.contains(relation: relation.locator.relation, fork: relation.fork) else { return nil }
        let key = Key.relationSize(relation)
        let size = try BlockCount.decode(try existingImage(key), key)
        relations[packed] = size
        return size
    }

    /// Makes a fork, and its database if that is new.
    ///
    /// Throws ``IngestFault/relationExists(_:)``.
    mutating func create(_ relation: RelationTag, blocks: UInt32) throws(IngestFault) {
        let packed = try pack(relation)
        let database = relation.locator.databaseLocator
        if try !addDatabase(database, hasRelationMap: false) { try startRelations(of: database) }
        let isNew = try changeRelations(of: database) { directory in
            directory.insert(relation: relation.locator.relation, fork: relation.fork)
        }
        guard isNew else { throw .relationExists(relation) }
        try writeSize(blocks, of: relation, packed, before: 0)
    }

    /// Makes a fork that exists larger, never smaller.
    mutating func extend(_ relation: RelationTag, to blocks: UInt32) throws(IngestFault) {
        let old = try size(of: relation) ?? 0
        guard blocks > old else { return }
        try writeSize(blocks, of: relation, try pack(relation), before: old)
        try fillGap(of: relation, old..<blocks)
    }

    /// Sets the size of a fork; nothing happens if there is no such fork.
    ///
    /// A shard may know a smaller size than the fork is cut to, as it has not written behind that. Then the fork grows,
    /// and what the shard has of it from before an earlier truncation must not come back.
    mutating func truncate(_ relation: RelationTag, to blocks: UInt32) throws(IngestFault) {
        guard let old = try size(of: relation) else { return }
        try writeSize(blocks, of: relation, try pack(relation), before: old)
        if old < blocks { try fillGap(of: relation, old..<blocks) }
    }

    /// Writes the size of a fork.
    mutating func writeSize(
        _ blocks: UInt32,
        of relation: RelationTag,
        _ packed: PackedFork,
        before old: UInt32
    ) throws(IngestFault) {
        try put(BlockCount.encode(blocks), .relationSize(relation))
        relations[packed] = blocks
        state.logicalBlocks &+= Int64(blocks) - Int64(old)
    }

    /// Drops all forks of some relations; those that do not exist are passed over.
    mutating func drop(_ locators: [RelationLocator]) throws(IngestFault) {
        let grouped = Dictionary(grouping: Set(locators), by: \.databaseLocator)
        for (database, locators) in grouped.sorted(by: { $0.key < $1.key }) {
            // A backup may have seen the end of a database whose relations are dropped before.
            if state.isInBackup, try databases().hasRelationMap[database] == nil { continue }
            let directory = try relationDirectory(of: database)
            var dropped: [RelationTag] = []
            for locator in locators {
                for fork in ForkNumber.main...ForkNumber.initialization
                where directory.contains(relation: locator.relation, fork: fork) {
                    dropped.append(RelationTag(locator: locator, fork: fork))
                }
            }
            for relation in dropped {
                state.logicalBlocks &-= Int64(try size(of: relation) ?? 0)
                relations[try pack(relation)] = nil
            }
            try changeRelations(of: database) { directory in
                dropped.reduce(false) { directory.remove(relation: $1.locator.relation, fork: $1.fork) || $0 }
            }
        }
    }

    /// All forks of a database's relations, with their sizes.
    mutating func allRelations(
        of database: DatabaseLocator
    ) throws(IngestFault) -> [(relation: RelationTag, blocks: UInt32)] {
        var all: [(relation: RelationTag, blocks: UInt32)] = []
        for (number, fork) in try relationDirectory(of: database).all {
            let relation = RelationTag(
                locator: RelationLocator(
                    tablespace: database.tablespace,
                    database: database.database,
                    relation: number
                ),
                fork: fork
            )
            all.append((relation, try size(of: relation) ?? 0))
        }
        return all
    }
}

/// The stored form of sizes: 32 bits, little-endian, unlike everything else.
enum BlockCount {
    static func encode(_ blocks: UInt32) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(blocks)
        return bytes
    }

    static func decode(_ bytes: [UInt8], _ key: Key) throws(IngestFault) -> UInt32 {
        guard bytes.count == 4 else { throw .unreadable(key) }
        return bytes.span.bytes.littleEndian(at: 0)
    }
}
