public import InterpretedWAL
public import PostgresWAL
internal import ShardIdentity

/// One shard of one timeline: takes interpreted WAL in and keeps what it says in a store.
///
/// ```
/// let ingest = try ShardIngest(opening: store, as: shard)
/// // stream from ingest.positions.lastRecordLSN …
/// try ingest.ingest(InterpretedBatchParser(message))
/// // … and from time to time
/// try ingest.flush()
/// send(ingest.positions.diskConsistentLSN)
/// ```
///
/// It belongs to one owner, a thread or actor that may block: writing and flushing go to the store. Everybody else reads
/// through ``reader`` and ``watch``, which are for any thread.
///
/// **Positions.** After ``ingest(_:)`` everything of the message can be read, ``ShardPositions/lastRecordLSN`` is at least
/// the message's next record LSN, also if the message had nothing for this shard, and nothing is pending.
/// ``ShardPositions/diskConsistentLSN`` moves only when a flush has succeeded.
///
/// **Errors.** After any error what was committed stays, the rest of the message is forgotten, and the shard can be used
/// on. The same message may be given again: records that were committed are passed over. That is also the way to go on
/// when the disk was full (``IngestFault/isNoSpace``): stop reading, wait, repeat. After a crash ingest goes on from the
/// last durable commit.
///
/// Source: `ingest.md` §1.7, §2, §3.6.
public final class ShardIngest {
    /// What the store holds.
    public let shard: TimelineShard
    /// The positions, for other threads.
    public let watch: PositionWatch
    /// Reads what is stored, on any thread.
    public let reader: ShardReader
    private var core: WALIngest
    private let store: any VersionedStore
    private var diskConsistentLSN: LSN

    /// Opens a store that holds a shard.
    ///
    /// - Parameters:
    ///   - store: the store.
    ///   - shard: what it has to hold: tenant, timeline, shard identity and version all count.
    ///   - options: see there.
    /// - Throws: ``IngestError``: ``IngestFault/notCreated``, ``IngestFault/otherShard(stored:)``,
    ///   ``IngestFault/unfinishedImport``, or what is wrong with the store.
    public convenience init(
        opening store: any VersionedStore,
        as shard: TimelineShard,
        options: IngestOptions = IngestOptions()
    ) throws(IngestError) {
        do throws(IngestFault) {
            guard let state = try store.shardState() else { throw .notCreated }
            guard state.shard == shard else { throw .otherShard(stored: state.shard) }
            guard !state.isImporting else { throw .unfinishedImport }
            guard let bytes = try store.image(of: .checkpoint, atOrBelow: state.lastRecordLSN) else {
                throw .missing(.checkpoint)
            }
            guard let checkpoint = CheckPoint(bytes.span.bytes) else { throw .unreadable(.checkpoint) }
            let core = WALIngest(store: store, options: options, state: state, checkpoint: checkpoint)
            // What is there now has survived whatever was before.
            self.init(core, diskConsistentLSN: state.lastRecordLSN)
        } catch {
            throw IngestError(shard: shard, lsn: .invalid, error)
        }
    }

    /// Makes a shard in an empty store: no databases, and no pages.
    ///
    /// What a server has at its start comes from an import; this is for WAL that begins with nothing, and for tests.
    ///
    /// - Parameters:
    ///   - shard: what it is to hold.
    ///   - store: an empty store.
    ///   - lsn: where the WAL begins, a multiple of 8.
    ///   - checkpoint: the state of counters at that point.
    ///   - options: see there.
    /// - Throws: ``IngestError``: ``IngestFault/alreadyCreated``, or what is wrong with the store.
    public convenience init(
        creating shard: TimelineShard,
        in store: any VersionedStore,
        at lsn: LSN,
        checkpoint: CheckPoint = .zero,
        options: IngestOptions = IngestOptions()
    ) throws(IngestError) {
        do throws(IngestFault) {
            guard lsn.isValid else { throw .misaligned }
            guard try store.shardState() == nil else { throw .alreadyCreated }
            var core = WALIngest(creating: shard, in: store, at: lsn, checkpoint: checkpoint, options: options)
            try core.begin(lsn)
            try core.putEmptyDirectories()
            try core.put(checkpoint.bytes, .checkpoint)
            try core.commit()
            self.init(core, diskConsistentLSN: .invalid)
        } catch {
            throw IngestError(shard: shard, lsn: lsn, error)
        }
    }

    private init(_ core: consuming WALIngest, diskConsistentLSN: LSN) {
        shard = core.shard
        store = core.store
        watch = PositionWatch(ShardPositions(core.committedState, diskConsistentLSN: diskConsistentLSN))
        reader = ShardReader(store: core.store, shard: core.shard, watch: watch)
        self.diskConsistentLSN = diskConsistentLSN
        self.core = core
    }

    /// How far the shard has got.
    public var positions: ShardPositions { watch.positions }

    /// What has been ingested since the shard was opened.
    public var statistics: IngestStatistics { core.statistics }
}

// MARK: - Ingesting

extension ShardIngest {
    /// Ingests a message in protobuf form and commits all of it.
    ///
    /// Records with LSNs up to ``ShardPositions/lastRecordLSN`` are passed over. Whether WAL is missing between that and
    /// the message is for the caller to find out.
    ///
    /// - Parameter batch: the message, read from its start.
    /// - Throws: ``IngestError``; see the type about what that leaves.
    public func ingest(_ batch: InterpretedBatchParser) throws(IngestError) {
        defer { publish() }
        do throws(IngestFault) {
            try core.ingest(batch)
        } catch {
            throw failed(error)
        }
    }

    /// Ingests a message in protobuf form and commits all of it, as ``ingest(_:)`` does.
    ///
    /// - Parameter message: the bytes, not compressed.
    /// - Throws: ``IngestError``, also for a message that is none.
    public func ingest(message: RawSpan) throws(IngestError) {
        try ingest(parser(of: message))
    }

    @_lifetime(copy message)
    private func parser(of message: RawSpan) throws(IngestError) -> InterpretedBatchParser {
        do throws(WireError) {
            return try InterpretedBatchParser(message)
        } catch {
            throw failed(.wire(error))
        }
    }

    private func failed(_ fault: IngestFault) -> IngestError {
        let lsn = core.lsn
        core.abandon()
        return IngestError(shard: shard, lsn: lsn, fault)
    }

    private func publish() {
        watch.publish(ShardPositions(core.committedState, diskConsistentLSN: diskConsistentLSN))
    }
}

// MARK: - Flushing

/// A flush that has to be done, or was: making durable what had been ingested by then.
public struct ShardFlush: Sendable {
    fileprivate let store: any VersionedStore

    /// A flush that has succeeded.
    public struct Outcome: Sendable {
        fileprivate let durableState: [UInt8]?
    }

    /// Does the work, on any thread that may block; ingest may go on meanwhile.
    ///
    /// - Returns: what ``ShardIngest/finish(_:)`` has to be given.
    /// - Throws: ``StoreError``; nothing is known to be durable then that was not before.
    public func run() throws(StoreError) -> Outcome {
        Outcome(durableState: try store.flush())
    }
}

extension ShardIngest {
    /// Makes everything ingested durable and moves ``ShardPositions/diskConsistentLSN`` there.
    ///
    /// - Throws: ``IngestError`` with ``IngestFault/store(_:)``; the position stays where it was. May be repeated.
    public func flush() throws(IngestError) {
        let outcome: ShardFlush.Outcome
        do throws(StoreError) {
            outcome = try startFlush().run()
        } catch {
            throw IngestError(shard: shard, lsn: positions.lastRecordLSN, .store(error))
        }
        try finish(outcome)
    }

    /// Begins a flush whose work another thread does.
    public func startFlush() -> ShardFlush {
        ShardFlush(store: store)
    }

    /// Takes notice of a flush that has succeeded.
    ///
    /// How far it got is taken from what the store has read back.
    ///
    /// - Throws: ``IngestError`` with ``IngestFault/unreadableState`` if that is not what was written.
    public func finish(_ outcome: ShardFlush.Outcome) throws(IngestError) {
        guard let bytes = outcome.durableState else { return }
        do throws(IngestFault) {
            let durable = try ShardState(decoding: bytes)
            guard durable.shard == shard else { throw .otherShard(stored: durable.shard) }
            // A commit that failed without a clear answer may be durable, but is not known here.
            let lsn = min(durable.lastRecordLSN, core.committedState.lastRecordLSN)
            diskConsistentLSN = max(diskConsistentLSN, lsn)
        } catch {
            throw IngestError(shard: shard, lsn: positions.lastRecordLSN, error)
        }
        publish()
    }
}
