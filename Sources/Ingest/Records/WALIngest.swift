internal import InterpretedWAL
internal import PostgresWAL
internal import ShardIdentity

/// Turns interpreted records into values of keys, and commits them to a store.
///
/// Values gather in ``pending``. A commit writes them together with the new state record; what a commit did not take is
/// forgotten by ``abandon()``, together with everything that was derived from it.
///
/// What ingest itself has to know of what it has written (directories, sizes) is held in memory and read from the store
/// when first needed, always as it was just below the record at hand: a record that is ingested again, after a commit
/// that failed without a clear answer, must not see its own traces.
///
/// Source: `ingest.md` §2 and §3.
struct WALIngest: ~Copyable {
    let store: any VersionedStore
    let options: IngestOptions
    let shard: TimelineShard
    let identity: ShardIdentity

    /// The state with what is pending, and as it was committed last.
    var state: ShardState
    private(set) var committedState: ShardState
    var checkpoint: CheckPoint
    private var committedCheckpoint: CheckPoint
    var isCheckpointChanged = false

    /// The LSN of the record at hand.
    var lsn: LSN
    var pending = StoreBatch()
    var pendingRecords = 0
    var statistics = IngestStatistics()

    var relations = RelationSizes()
    var directories = DirectoryCache()

    /// Makes an ingest of a store in the state that was read from it.
    init(
        store: any VersionedStore,
        options: IngestOptions,
        state: ShardState,
        checkpoint: CheckPoint
    ) {
        self.store = store
        self.options = options
        self.state = state
        self.checkpoint = checkpoint
        shard = state.shard
        identity = state.shard.identity
        committedState = state
        committedCheckpoint = checkpoint
        lsn = state.lastRecordLSN
    }

    func warn(_ warning: IngestWarning) {
        options.onWarning?(warning)
    }
}

// MARK: - Committing

extension WALIngest {
    /// Moves on to the record, or to a position without one, at `newLSN`.
    mutating func begin(_ newLSN: LSN) throws(IngestFault) {
        guard newLSN.isRecordAligned else { throw .misaligned }
        guard newLSN >= state.lastRecordLSN else { throw .notIncreasing(previous: state.lastRecordLSN) }
        lsn = newLSN
        if newLSN > state.lastRecordLSN {
            state.previousRecordLSN = state.lastRecordLSN
            state.lastRecordLSN = newLSN
        }
    }

    /// Whether there is anything to commit.
    var isDirty: Bool { state != committedState || !pending.entries.isEmpty }

    /// Writes what is pending to the store.
    mutating func commit() throws(IngestFault) {
        guard isDirty else { return }
        do throws(StoreError) {
            try store.commit(pending, state: state.encoded())
        } catch {
            throw .store(error)
        }
        pending.removeAll()
        pendingRecords = 0
        committedState = state
        committedCheckpoint = checkpoint
        statistics.commits &+= 1
        directories.auxFiles.removeAll()
        if relations.count > options.maximumCachedRelations { relations.removeAll() }
        if directories.count > options.maximumCachedRelations { directories.removeAll() }
    }

    /// Makes room by writing what is pending ahead of its commit, if that is a lot: one record can make any number of
    /// pages.
    ///
    /// The state record stays as it is, so nobody sees these values before the commit, or ever if that does not come.
    mutating func spill() throws(IngestFault) {
        guard pending.valueBytes > options.maximumPendingBytes else { return }
        do throws(StoreError) {
            try store.commit(pending, state: committedState.encoded())
        } catch {
            throw .store(error)
        }
        pending.removeAll()
    }

    /// Forgets what is not committed.
    mutating func abandon() {
        pending.removeAll()
        pendingRecords = 0
        state = committedState
        checkpoint = committedCheckpoint
        isCheckpointChanged = false
        lsn = state.lastRecordLSN
        relations.removeAll()
        directories.removeAll()
    }
}

// MARK: - Values

extension WALIngest {
    /// The key in its packed form; throws if it has none or this shard does not keep it.
    func pack(_ key: Key) throws(IngestFault) -> CompactKey {
        guard let compact = CompactKey(key) else { throw .unrepresentableKey(key) }
        guard !identity.isDisposable(key) else { throw .foreignKey(key) }
        return compact
    }

    /// Puts a value of anything but a block.
    mutating func put(_ image: [UInt8], _ key: Key) throws(IngestFault) {
        pending.append(image: image.span.bytes, key: try pack(key), lsn: lsn)
        statistics.metadataValues &+= 1
    }

    /// Puts a change of a block.
    mutating func put(_ change: NeonWALRecord, _ key: Key) throws(IngestFault) {
        pending.append(.record(change), key: try pack(key), lsn: lsn)
        statistics.deltas &+= 1
    }

    /// Puts a page of zeros.
    mutating func putZeroPage(_ key: Key) throws(IngestFault) {
        pending.appendZeroPage(key: try pack(key), lsn: lsn)
        statistics.images &+= 1
    }

    /// The image stored for a key, as it was before the record at hand; nil if there is none.
    func storedImage(_ key: Key) throws(IngestFault) -> [UInt8]? {
        guard lsn.isValid else { return nil }
        return try store.image(of: key, atOrBelow: lsn - 1)
    }

    /// The image stored for a key that has to be there.
    func existingImage(_ key: Key) throws(IngestFault) -> [UInt8] {
        guard let image = try storedImage(key) else { throw .missing(key) }
        return image
    }
}
