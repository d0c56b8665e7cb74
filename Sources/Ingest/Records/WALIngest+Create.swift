internal import PostgresWAL
internal import ShardIdentity

// What is there before the first record.
// Source: `ingest.md` §3.10.

extension WALIngest {
    /// Makes an ingest of an empty store.
    init(
        creating shard: TimelineShard,
        in store: any VersionedStore,
        at lsn: LSN,
        checkpoint: CheckPoint,
        options: IngestOptions
    ) {
        let state = ShardState(
            shard: shard,
            initialLSN: lsn,
            lastRecordLSN: .invalid,
            previousRecordLSN: .invalid
        )
        self.init(store: store, options: options, state: state, checkpoint: checkpoint)
    }

    /// Puts all directories, empty.
    mutating func putEmptyDirectories() throws(IngestFault) {
        directories.databases = DatabaseDirectory()
        try put(DatabaseDirectory().encoded(), .databaseDirectory)
        let prepared = NumberDirectory(isWide: shard.version >= .v17)
        directories.preparedTransactions = prepared
        try put(prepared.encoded(), .twoPhaseDirectory)
        guard shard.isShardZero else { return }
        for kind in SLRUKind.allCases {
            directories.slruSegments[kind] = NumberDirectory()
            try put(NumberDirectory().encoded(), .slruDirectory(kind))
        }
    }
}
