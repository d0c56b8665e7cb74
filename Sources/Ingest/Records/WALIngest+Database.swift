internal import InterpretedWAL
internal import PostgresWAL
internal import ShardIdentity

// Databases that are copied file by file, or dropped.
// Source: `ingest.md` §2.4, §2.7.

extension WALIngest {
    mutating func ingest(_ change: DatabaseMetadata) throws(IngestFault) {
        switch change {
        case .create(let database, let tablespace, let sourceDatabase, let sourceTablespace):
            try copy(
                DatabaseLocator(tablespace: sourceTablespace, database: sourceDatabase),
                to: DatabaseLocator(tablespace: tablespace, database: database)
            )
        case .drop(let database, let tablespaces):
            for tablespace in tablespaces {
                try drop(DatabaseLocator(tablespace: tablespace, database: database))
            }
        }
    }

    /// Makes a database a copy of another one as it is just before this record.
    ///
    /// Blocks are not copied, which would take as much as the database has: each becomes a reference to what is stored
    /// for the source's block. The hash does not look at databases, so both are on the same shard.
    private mutating func copy(_ source: DatabaseLocator, to target: DatabaseLocator) throws(IngestFault) {
        guard pending.entries.isEmpty else { throw .uncommittedData }
        let relations = try allRelations(of: source)
        // A base backup may have seen the copy before its WAL says so.
        let mayExist = try databases().hasRelationMap[target] != nil && state.isInBackup

        let map = try existingImage(.relationMap(tablespace: source.tablespace, database: source.database))
        try putRelationMap(map, of: target)
        for (relation, blocks) in relations {
            let locator = RelationLocator(
                tablespace: target.tablespace,
                database: target.database,
                relation: relation.locator.relation
            )
            let copy = RelationTag(locator: locator, fork: relation.fork)
            if mayExist, try size(of: copy) != nil {
                try extend(copy, to: blocks)
            } else {
                try create(copy, blocks: blocks)
            }
            for block in 0..<blocks {
                let key = Key.relationBlock(copy, block: block)
                guard identity.isLocal(key) else { continue }
                pending.append(
                    encoded: StoredForm.encodedCopy(of: .relationBlock(relation, block: block), atOrBelow: lsn - 1),
                    key: try pack(key),
                    lsn: lsn
                )
                statistics.images &+= 1
                try spill()
            }
        }
    }

    private mutating func drop(_ database: DatabaseLocator) throws(IngestFault) {
        var databases = try databases()
        guard databases.hasRelationMap[database] != nil else {
            warn(.unknownDatabase(tablespace: database.tablespace, database: database.database, lsn: lsn))
            return
        }
        for (_, blocks) in try allRelations(of: database) { state.logicalBlocks &-= Int64(blocks) }
        databases.hasRelationMap[database] = nil
        try put(databases.encoded(), .databaseDirectory)
        directories.databases = databases
        directories.relations[database] = nil
        relations.remove(database)
    }
}
