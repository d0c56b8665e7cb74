public import PostgresWAL
public import ShardIdentity

/// Interprets WAL records once for any set of shards and gathers for each shard the batch that it is to be sent.
///
/// ```
/// var interpreter = BatchInterpreter(version: .v16, shards: shards)
/// while let record = try decoder.next(&input) {
///     try parsed.parse(record)
///     try interpreter.interpret(record, parsed)
/// }
/// for index in shards.indices {
///     interpreter.finishBatch(of: index, nextRecordLSN: next, rawWALStartLSN: start)
///     send(interpreter.batch(of: index))
///     interpreter.removeBatch(of: index)
/// }
/// ```
/// Work per record grows with what the shards are sent, not with their number: each block goes to the shard that owns
/// it, and only records that concern everybody are written to all batches. Shard zero gets every record, empty ones
/// too, and an entry for each block that it doesn't own; other shards get records that hold something for them. The
/// shards may be of several layouts, as around a split.
///
/// A record that fails is in no batch. A batch grows until it is finished: finishing bounds it.
///
/// Source: `wal-interpretation.md` §1 to §4.
public struct BatchInterpreter: ~Copyable {
    /// The version whose WAL is interpreted.
    public let version: PostgresMajorVersion
    /// The shards, in the order in which their batches are numbered.
    public let shards: [ShardIdentity]
    /// The most bytes that one record may take in one shard's batch.
    public let maximumRecordBytes: Int

    private let batches: UnsafeMutablePointer<ShardBatch>
    private var groups: [ShardGroup]
    private let values: UnsafeMutablePointer<BlockValue>
    /// The bincode of the record's metadata.
    private var metadata = OutputBuffer(minimumCapacity: 4 << 10)
    /// The record's page images in their stored form.
    private var images = OutputBuffer(minimumCapacity: 16 << 10)
    private var serial: UInt64 = 0

    /// The default of ``maximumRecordBytes``, which is also what receivers take at most in a message: 256 MiB.
    public static let standardMaximumRecordBytes = 256 << 20

    /// Makes an interpreter.
    ///
    /// - Parameters:
    ///   - version: the version whose WAL is interpreted.
    ///   - shards: the shards to serve, in any order, at least one, each once: connections of the same shard share its
    ///     batch.
    ///   - maximumRecordBytes: the most bytes that one record may take in one shard's batch.
    public init(
        version: PostgresMajorVersion,
        shards: [ShardIdentity],
        maximumRecordBytes: Int = BatchInterpreter.standardMaximumRecordBytes
    ) {
        precondition(!shards.isEmpty && shards.count <= Int(Int16.max), "between 1 and 32767 shards are served")
        precondition(Set(shards).count == shards.count, "each shard is served once")
        self.version = version
        self.shards = shards
        self.maximumRecordBytes = maximumRecordBytes
        batches = .allocate(capacity: shards.count)
        values = .allocate(capacity: ParsedRecord.maximumBlockCount)
        groups = []
        for (index, shard) in shards.enumerated() {
            (batches + index).initialize(to: ShardBatch(shard: shard))
            let isKnown: (ShardGroup) -> Bool = { $0.count == shard.count && $0.stripeSize == shard.stripeSize }
            let group = groups.firstIndex(where: isKnown) ?? groups.endIndex
            if group == groups.endIndex {
                groups.append(ShardGroup(count: shard.count, stripeSize: shard.stripeSize))
            }
            groups[group].add(shard.number, batch: index)
        }
    }

    deinit {
        batches.deinitialize(count: shards.count)
        batches.deallocate()
        values.deallocate()
    }
}

// MARK: - Batches

extension BatchInterpreter {
    /// The number of records in a shard's batch.
    ///
    /// - Parameter index: the shard's index in ``shards``.
    /// - Returns: the records since the batch was emptied.
    public func recordCount(of index: Int) -> Int {
        precondition(shards.indices.contains(index), "no such shard")
        return batches[index].recordCount
    }

    /// Ends a shard's batch.
    ///
    /// - Parameters:
    ///   - index: the shard's index in ``shards``.
    ///   - nextRecordLSN: where the first record behind the batch starts.
    ///   - rawWALStartLSN: where the WAL that the batch was made of begins.
    public mutating func finishBatch(of index: Int, nextRecordLSN: LSN, rawWALStartLSN: LSN?) {
        precondition(shards.indices.contains(index), "no such shard")
        batches[index].finish(nextRecordLSN: nextRecordLSN, rawWALStartLSN: rawWALStartLSN)
    }

    /// A shard's batch.
    ///
    /// - Parameter index: the shard's index in ``shards``.
    /// - Returns: the bytes as far as they are written; a whole message once the batch is finished.
    @_lifetime(borrow self)
    public func batch(of index: Int) -> RawSpan {
        precondition(shards.indices.contains(index), "no such shard")
        let span = batches[index].buffer.bytes
        return _overrideLifetime(span, borrowing: self)
    }

    /// Empties a shard's batch.
    ///
    /// - Parameter index: the shard's index in ``shards``.
    public mutating func removeBatch(of index: Int) {
        precondition(shards.indices.contains(index), "no such shard")
        batches[index].removeAll()
    }

    /// What a shard got of the record interpreted last.
    ///
    /// - Parameter index: the shard's index in ``shards``.
    /// - Returns: one `InterpretedWalRecord` message; nil if the shard got nothing.
    @_lifetime(borrow self)
    public func lastRecord(of index: Int) -> RawSpan? {
        precondition(shards.indices.contains(index), "no such shard")
        guard serial > 0, batches[index].lastSerial == serial else { return nil }
        let span = batches[index].buffer.bytes.extracting(droppingFirst: batches[index].lastRecordStart)
        return _overrideLifetime(span, borrowing: self)
    }
}

// MARK: - Interpreting

extension BatchInterpreter {
    /// Interprets a record and adds it to the batches of all the shards that have to know of it.
    ///
    /// - Parameters:
    ///   - record: the record.
    ///   - parsed: its fragments.
    /// - Throws: ``InterpretationError`` if the record has no meaning; no batch has changed then.
    public mutating func interpret(
        _ record: borrowing WALRecord,
        _ parsed: borrowing ParsedRecord
    ) throws(InterpretationError) {
        let routed = try MetadataInterpreter.metadata(of: record, parsed, version: version)
        try collectValues(of: record, parsed, hasMetadata: routed.isLong)
        serial &+= 1
        let shared = ShardBatch.Record(
            record,
            flushUncommitted: MetadataInterpreter.flushesUncommitted(record),
            serial: serial,
            values: UnsafeBufferPointer(start: values, count: parsed.blockCount)
        )
        switch routed {
        case .none:
            for index in groups.indices { route(shared, to: index) }
        case .visibility(let change):
            for index in groups.indices { route(shared, change, to: index) }
        case .everyShard(let everyone):
            encode(everyone)
            for index in groups.indices {
                assignOwners(parsed.blockCount, in: index)
                for batch in groups[index].all { append(shared, to: batch, withMetadata: true) }
            }
        case .shardZero(let first):
            encode(first)
            for index in groups.indices { route(shared, to: index, shardZeroHasMetadata: true) }
        }
    }

    private mutating func encode(_ record: MetadataRecord) {
        metadata.removeAll()
        record.encode(into: &metadata)
    }

    /// Makes the values of the record's blocks and checks all that may fail.
    @inline(__always)
    private mutating func collectValues(
        of record: borrowing WALRecord,
        _ parsed: borrowing ParsedRecord,
        hasMetadata: Bool
    ) throws(InterpretationError) {
        var bytes = 0
        var hasImages = false
        for index in 0..<parsed.blockCount {
            let value = try BlockValue(parsed[index], of: record)
            values[index] = value
            bytes &+= value.length
            hasImages = hasImages || value.isImage
        }
        // Metadata is at most as long as the record it is made of, but for a constant.
        if hasMetadata { bytes &+= record.bytes.byteCount }
        guard bytes <= maximumRecordBytes else {
            throw InterpretationError(.tooLarge(bytes: bytes, limit: maximumRecordBytes), in: record)
        }
        if hasImages { try restoreImages(of: record, parsed) }
    }

    /// Restores the page images once, for whichever shards they go to.
    @inline(never)
    private mutating func restoreImages(
        of record: borrowing WALRecord,
        _ parsed: borrowing ParsedRecord
    ) throws(InterpretationError) {
        images.removeAll()
        for index in 0..<parsed.blockCount where values[index].isImage {
            let block = parsed[index]
            images.reserve(values[index].length)
            do {
                let end = try values[index].write(
                    image: parsed.image(of: block, in: record),
                    block,
                    lsn: record.next,
                    at: images.writePointer
                )
                images.commit(upTo: end)
            } catch {
                throw InterpretationError(.image(error), in: record)
            }
        }
    }
}

// MARK: - Routing

extension BatchInterpreter {
    @inline(__always)
    private mutating func assignOwners(_ count: Int, in group: Int) {
        for index in 0..<count {
            values[index].owner = groups[group].owner(
                relation: values[index].relation,
                block: values[index].block,
                fork: values[index].fork
            )
        }
    }

    @inline(__always)
    private mutating func append(_ record: borrowing ShardBatch.Record, to batch: Int, withMetadata: Bool) {
        metadata.withUnsafeBytes { bytes in
            batches[batch].append(record, metadata: withMetadata ? bytes : nil, images: images.bytes)
        }
    }

    /// A record without metadata, or with metadata for shard zero only: shard zero and the owners of its blocks.
    @inline(__always)
    private mutating func route(
        _ record: borrowing ShardBatch.Record,
        to group: Int,
        shardZeroHasMetadata: Bool = false
    ) {
        assignOwners(record.values.count, in: group)
        if let shardZero = groups[group].shardZero {
            append(record, to: shardZero, withMetadata: shardZeroHasMetadata)
        }
        for value in record.values where value.owner != 0 {
            let batch = Int(groups[group].batches[Int(value.owner)])
            if batch >= 0, batches[batch].lastSerial != record.serial {
                append(record, to: batch, withMetadata: false)
            }
        }
    }

    /// A record that clears bits of the visibility map: its owners get their own blocks.
    @inline(never)
    private mutating func route(
        _ record: borrowing ShardBatch.Record,
        _ change: VisibilityChange,
        to group: Int
    ) {
        assignOwners(record.values.count, in: group)
        let newOwner = change.newBlock.map { mapOwner(of: $0, change, in: group) }
        let oldOwner = change.oldBlock.map { mapOwner(of: $0, change, in: group) }
        if let shardZero = groups[group].shardZero {
            append(record, change, newOwner: newOwner, oldOwner: oldOwner, shard: 0, to: shardZero)
        }
        for value in record.values {
            append(record, change, newOwner: newOwner, oldOwner: oldOwner, toOwner: value.owner, in: group)
        }
        append(record, change, newOwner: newOwner, oldOwner: oldOwner, toOwner: newOwner, in: group)
        append(record, change, newOwner: newOwner, oldOwner: oldOwner, toOwner: oldOwner, in: group)
    }

    /// Adds the record to an owner's batch, if it is served, isn't shard zero and hasn't got it.
    private mutating func append(
        _ record: borrowing ShardBatch.Record,
        _ change: VisibilityChange,
        newOwner: UInt8?,
        oldOwner: UInt8?,
        toOwner owner: UInt8?,
        in group: Int
    ) {
        guard let owner, owner != 0 else { return }
        let batch = Int(groups[group].batches[Int(owner)])
        guard batch >= 0, batches[batch].lastSerial != record.serial else { return }
        append(record, change, newOwner: newOwner, oldOwner: oldOwner, shard: owner, to: batch)
    }

    private mutating func mapOwner(of heapBlock: UInt32, _ change: VisibilityChange, in group: Int) -> UInt8 {
        groups[group].owner(
            relation: change.relation.relation,
            block: VisibilityChange.mapBlock(of: heapBlock),
            fork: ForkNumber.visibilityMap
        )
    }

    private mutating func append(
        _ record: borrowing ShardBatch.Record,
        _ change: VisibilityChange,
        newOwner: UInt8?,
        oldOwner: UInt8?,
        shard: UInt8,
        to batch: Int
    ) {
        let bits = ClearVisibilityBits(
            newHeapBlock: newOwner == shard ? change.newBlock : nil,
            oldHeapBlock: oldOwner == shard ? change.oldBlock : nil,
            visibilityMap: RelationTag(locator: change.relation, fork: ForkNumber.visibilityMap),
            flags: change.bits
        )
        let concernsShard = bits.newHeapBlock != nil || bits.oldHeapBlock != nil
        if concernsShard {
            encode(change.isNeon ? .neon(.clearVisibilityBits(bits)) : .heap(.clearVisibilityBits(bits)))
        }
        append(record, to: batch, withMetadata: concernsShard)
    }
}
