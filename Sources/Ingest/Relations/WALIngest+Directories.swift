internal import InterpretedWAL
internal import ShardIdentity

// Directories of databases and relations: read when first needed, written whole with every change.
// Source: `ingest.md` §3.4.

extension WALIngest {
    /// Reads a directory.
    func decode<Directory>(
        _ key: Key,
        _ bytes: [UInt8],
        _ decode: ([UInt8]) throws(BincodeError) -> Directory
    ) throws(IngestFault) -> Directory {
        do throws(BincodeError) {
            return try decode(bytes)
        } catch {
            throw .unreadable(key)
        }
    }

    mutating func databases() throws(IngestFault) -> DatabaseDirectory {
        if let databases = directories.databases { return databases }
        let bytes = try existingImage(.databaseDirectory)
        let databases = try decode(.databaseDirectory, bytes, DatabaseDirectory.init(decoding:))
        directories.databases = databases
        return databases
    }

    /// Notes that a database is there, and whether its relation map is known; gives whether it was there before.
    mutating func addDatabase(_ locator: DatabaseLocator, hasRelationMap: Bool) throws(IngestFault) -> Bool {
        var databases = try databases()
        let known = databases.hasRelationMap[locator]
        if known == nil || (hasRelationMap && known == false) {
            databases.hasRelationMap[locator] = hasRelationMap
            try put(databases.encoded(), .databaseDirectory)
            directories.databases = databases
        }
        return known != nil
    }

    /// Makes sure that the directory of a database's relations is in the cache; the database must be there.
    private mutating func loadRelations(of database: DatabaseLocator) throws(IngestFault) {
        guard directories.relations[database] == nil else { return }
        let key = Key.relationDirectory(tablespace: database.tablespace, database: database.database)
        let bytes = try existingImage(key)
        directories.relations[database] = try decode(key, bytes, RelationDirectory.init(decoding:))
    }

    /// The relations of a database that is there.
    mutating func relationDirectory(of database: DatabaseLocator) throws(IngestFault) -> RelationDirectory {
        try loadRelations(of: database)
        return directories.relations[database] ?? RelationDirectory()
    }

    /// Changes the directory of a database's relations; it is written if `change` gives true.
    @discardableResult
    mutating func changeRelations(
        of database: DatabaseLocator,
        _ change: (inout RelationDirectory) -> Bool
    ) throws(IngestFault) -> Bool {
        try loadRelations(of: database)
        guard change(&directories.relations[database, default: RelationDirectory()]) else { return false }
        try writeRelations(of: database)
        return true
    }

    /// Starts a database without relations.
    mutating func startRelations(of database: DatabaseLocator) throws(IngestFault) {
        directories.relations[database] = RelationDirectory()
        try writeRelations(of: database)
    }

    private mutating func writeRelations(of database: DatabaseLocator) throws(IngestFault) {
        let bytes = directories.relations[database, default: RelationDirectory()].encoded()
        try put(bytes, .relationDirectory(tablespace: database.tablespace, database: database.database))
    }

    /// Puts the relation map of a database, which may be new.
    mutating func putRelationMap(_ content: [UInt8], of database: DatabaseLocator) throws(IngestFault) {
        if try !addDatabase(database, hasRelationMap: true) { try startRelations(of: database) }
        try put(content, .relationMap(tablespace: database.tablespace, database: database.database))
    }
}
