internal import InterpretedWAL
public import PostgresWAL
public import ShardIdentity

// Databases, relations and their sizes.
// Source: `ingest.md` §3.5, §4.2.

extension ShardReader {
    /// All databases, in order, and of each whether it has a relation map; without one only relations are known.
    ///
    /// - Throws: ``ReadError``.
    public func databases(at lsn: LSN) throws(ReadError) -> [(database: DatabaseLocator, hasRelationMap: Bool)] {
        try databaseDirectory(at: lsn).hasRelationMap.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private func databaseDirectory(at lsn: LSN) throws(ReadError) -> DatabaseDirectory {
        try decode(.databaseDirectory, at: lsn, DatabaseDirectory.init(decoding:))
    }

    private func directory(of database: DatabaseLocator, at lsn: LSN) throws(ReadError) -> RelationDirectory {
        let key = Key.relationDirectory(tablespace: database.tablespace, database: database.database)
        return try decode(key, at: lsn, RelationDirectory.init(decoding:))
    }

    /// All relation forks of a database in one tablespace, in order; none if there is no such database.
    ///
    /// - Throws: ``ReadError``.
    public func relations(of database: DatabaseLocator, at lsn: LSN) throws(ReadError) -> [RelationTag] {
        guard try databaseDirectory(at: lsn).hasRelationMap[database] != nil else { return [] }
        return try directory(of: database, at: lsn).all.map { number, fork in
            RelationTag(
                locator: RelationLocator(
                    tablespace: database.tablespace,
                    database: database.database,
                    relation: number
                ),
                fork: fork
            )
        }
    }

    /// Whether a relation's fork exists.
    ///
    /// - Throws: ``ReadError``.
    public func relationExists(_ relation: RelationTag, at lsn: LSN) throws(ReadError) -> Bool {
        let database = relation.locator.databaseLocator
        guard try databaseDirectory(at: lsn).hasRelationMap[database] != nil else { return false }
        return try directory(of: database, at: lsn)
            .contains(relation: relation.locator.relation, fork: relation.fork)
    }

    /// The size of a relation's fork in blocks; nil if it does not exist.
    ///
    /// Exact on shard zero; other shards know it up to the last block of their own.
    ///
    /// - Throws: ``ReadError``.
    public func relationSize(_ relation: RelationTag, at lsn: LSN) throws(ReadError) -> UInt32? {
        guard try relationExists(relation, at: lsn) else { return nil }
        return try knownSize(relation, at: lsn)
    }

    private func knownSize(_ relation: RelationTag, at lsn: LSN) throws(ReadError) -> UInt32 {
        let key = Key.relationSize(relation)
        return try decode(key, at: lsn) { try BlockCount.decode($0, key) }
    }

    /// The size of a database in blocks: all forks of all relations in one tablespace.
    ///
    /// - Throws: ``ReadError``; ``ReadError/missing(_:lsn:)`` for a database that is not there.
    public func databaseSize(_ database: DatabaseLocator, at lsn: LSN) throws(ReadError) -> UInt64 {
        guard try databaseDirectory(at: lsn).hasRelationMap[database] != nil else {
            throw .missing(
                .relationDirectory(tablespace: database.tablespace, database: database.database),
                lsn: lsn
            )
        }
        var blocks: UInt64 = 0
        for relation in try relations(of: database, at: lsn) {
            blocks += UInt64(try knownSize(relation, at: lsn))
        }
        return blocks
    }

    /// The relation map file of a database.
    ///
    /// - Throws: ``ReadError``.
    public func relationMap(of database: DatabaseLocator, at lsn: LSN) throws(ReadError) -> [UInt8] {
        try existingImage(.relationMap(tablespace: database.tablespace, database: database.database), at: lsn)
    }
}
