internal import PostgresWAL
internal import ShardIdentity

// What one shard takes of a base backup.
// Source: `ingest.md` §3.10.

extension WALIngest {
    /// Holds an ingest where several are in use at once.
    final class Box {
        var ingest: WALIngest

        /// Makes an ingest that imports into an empty store.
        init(
            importing shard: TimelineShard,
            into store: any VersionedStore,
            _ backup: BackupDescription,
            _ options: IngestOptions
        ) throws(IngestFault) {
            guard try store.shardState() == nil else { throw .alreadyCreated }
            ingest = WALIngest(
                creating: shard,
                in: store,
                at: backup.start,
                checkpoint: backup.checkpoint,
                options: options
            )
            ingest.state.isImporting = true
            try ingest.begin(backup.start)
        }
    }

    /// Puts a value if this shard keeps it.
    mutating func importValue(_ image: RawSpan, _ key: Key) throws(IngestFault) {
        guard !identity.isDisposable(key) else { return }
        pending.append(image: image, key: try pack(key), lsn: lsn)
        if pending.valueBytes > options.maximumPendingBytes { try commit() }
    }

    /// Puts all that the files together have said, and makes everything durable.
    ///
    /// All shards know the full sizes of all relations.
    mutating func finishImport(
        _ backup: BackupDescription,
        sizes: [RelationTag: UInt32],
        relationMaps: [DatabaseLocator: [UInt8]],
        slruSizes: [SLRUSegment: UInt32],
        preparedTransactions: Set<UInt64>
    ) throws(IngestFault) {
        try putEmptyDirectories()
        try importRelations(sizes, relationMaps)
        if shard.isShardZero { try importSegments(slruSizes) }
        var prepared = NumberDirectory(isWide: shard.version >= .v17)
        prepared.numbers = preparedTransactions
        try put(prepared.encoded(), .twoPhaseDirectory)
        try put(checkpoint.bytes, .checkpoint)
        try put(backup.controlFile, .controlFile)

        state.previousRecordLSN = backup.previousRecord
        state.backupStart = backup.isFromRunningServer ? backup.start : .invalid
        state.isImporting = false
        try commit()
        do throws(StoreError) {
            _ = try store.flush()
        } catch {
            throw .store(error)
        }
    }

    private mutating func importRelations(
        _ sizes: [RelationTag: UInt32],
        _ relationMaps: [DatabaseLocator: [UInt8]]
    ) throws(IngestFault) {
        var databases = DatabaseDirectory()
        var relationDirectories: [DatabaseLocator: RelationDirectory] = [:]
        for (database, content) in relationMaps {
            databases.hasRelationMap[database] = true
            relationDirectories[database] = RelationDirectory()
            try importValue(
                content.span.bytes,
                .relationMap(tablespace: database.tablespace, database: database.database)
            )
        }
        for (relation, blocks) in sizes {
            let database = relation.locator.databaseLocator
            if databases.hasRelationMap[database] == nil { databases.hasRelationMap[database] = false }
            _ = relationDirectories[database, default: RelationDirectory()]
                .insert(relation: relation.locator.relation, fork: relation.fork)
            try importValue(BlockCount.encode(blocks).span.bytes, .relationSize(relation))
            state.logicalBlocks += Int64(blocks)
        }
        for (database, directory) in relationDirectories {
            let key = Key.relationDirectory(tablespace: database.tablespace, database: database.database)
            try importValue(directory.encoded().span.bytes, key)
        }
        try put(databases.encoded(), .databaseDirectory)
    }

    private mutating func importSegments(_ sizes: [SLRUSegment: UInt32]) throws(IngestFault) {
        for kind in SLRUKind.allCases {
            var directory = NumberDirectory()
            for (segment, blocks) in sizes where segment.kind == kind {
                directory.numbers.insert(UInt64(segment.number))
                try put(BlockCount.encode(blocks), .slruSegmentSize(kind, segment: segment.number))
            }
            try put(directory.encoded(), .slruDirectory(kind))
        }
    }
}
