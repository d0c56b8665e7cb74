internal import InterpretedWAL
internal import PostgresWAL
internal import ShardIdentity

// The blocks of a record: their values, relations that grow by them, and the gaps that this leaves.
// Source: `ingest.md` §2.2.

extension WALIngest {
    /// Takes over the values of a record: their bytes in one piece, and an entry for each.
    ///
    /// The hot path: for a block inside of a relation that the last one was in too nothing is looked up.
    @inline(__always)
    mutating func ingestValues(of record: borrowing RecordView) throws(IngestFault) {
        var start = pending.append(raw: record.raw)
        var epoch = pending.epoch
        var values = record.values
        while let value = try next(&values) {
            switch value {
            case .serialized(let key, let valueLSN, let offset, let length, let willInit):
                guard valueLSN == lsn else { throw .valueLSN(key: Key(key), found: valueLSN) }
                let isBack = try noteOwn(key, willInit)
                if epoch != pending.epoch {
                    // The gap before the block was so large that it was written ahead, and the bytes with it.
                    start = pending.append(raw: record.raw)
                    epoch = pending.epoch
                }
                if isBack {
                    let value = record.raw.extracting(offset..<offset + length)
                    pending.append(encoded: StoredForm.encodedFirst(value), key: key, lsn: lsn)
                } else {
                    pending.append(StoreBatch.Entry(key: key, lsn: valueLSN, offset: start &+ offset, length: length))
                }
                if willInit { statistics.images &+= 1 } else { statistics.deltas &+= 1 }
            case .observed(let key, let valueLSN):
                guard valueLSN == lsn else { throw .valueLSN(key: Key(key), found: valueLSN) }
                if !relations.observed.contains(key) { _ = try note(key, isOwn: false) }
                statistics.observed &+= 1
            }
        }
    }

    /// Makes room for a block; gives whether its value must not be applied to the page that was there before.
    @inline(__always)
    private mutating func noteOwn(_ key: CompactKey, _ willInit: Bool) throws(IngestFault) -> Bool {
        if relations.own.contains(key) { return false }
        guard try note(key, isOwn: true), !willInit else { return false }
        return try isKnown(key)
    }

    @inline(__always)
    private func next(_ values: inout ValueIterator) throws(IngestFault) -> ValueMetadata? {
        do throws(WireError) {
            return try values.next()
        } catch {
            throw .wire(error)
        }
    }

    /// Whether there are versions of a key, which may be from before a truncation.
    private func isKnown(_ compact: CompactKey) throws(IngestFault) -> Bool {
        if pending.entries.contains(where: { $0.key == compact }) { return true }
        var isKnown = false
        do throws(StoreError) {
            try store.visitVersions(of: Key(compact), atOrBelow: lsn - 1) { _, _ in
                isKnown = true
                return false
            }
        } catch {
            throw .store(error)
        }
        return isKnown
    }

    /// Checks a block's key, and makes its relation large enough for it; gives whether that was needed.
    @inline(never)
    private mutating func note(_ compact: CompactKey, isOwn: Bool) throws(IngestFault) -> Bool {
        let key = Key(compact)
        guard compact.high >> 56 == 0, key.isRelationBlock, key.field5 <= ForkNumber.initialization,
            let relation = key.relationTag
        else { throw .unsupportedKey(key) }
        if isOwn {
            guard identity.isLocal(key) else { throw .foreignKey(key) }
        } else {
            guard shard.isShardZero, !identity.isLocal(key) else { throw .unexpectedObservation(key) }
        }

        let packed = PackedFork(compact)
        let block = key.field6
        let old: UInt32
        if let size = try size(of: relation) {
            old = size
        } else {
            try create(relation, blocks: 0)
            old = 0
        }
        if block >= old {
            try writeSize(block + 1, of: relation, packed, before: old)
            try fillGap(of: relation, old..<block)
        }
        let known = KnownBlocks(packed, stripe(of: key, below: max(old, block + 1)))
        if isOwn { relations.own = known } else { relations.observed = known }
        return block >= old
    }

    /// The blocks around a key's that are on the same shard, as far as that is known without looking, below a size.
    private func stripe(of key: Key, below size: UInt32) -> Range<UInt32> {
        guard identity.count.effective > 1, key.field5 != ForkNumber.initialization else { return 0..<size }
        let pages = identity.stripeSize.pages
        let first = identity.stripeSize.stripe(ofBlock: key.field6) * pages
        let (end, overflow) = first.addingReportingOverflow(pages)
        return first..<(overflow ? size : min(size, end))
    }

    /// Puts zero pages for this shard's blocks of a range that the WAL passes over.
    ///
    /// Older pages from before a truncation would show through otherwise. A block of the range that the same record
    /// writes after all comes later in the batch, and counts.
    mutating func fillGap(of relation: RelationTag, _ blocks: Range<UInt32>) throws(IngestFault) {
        var first = blocks.lowerBound
        var count = 0
        while first < blocks.upperBound {
            let key = Key.relationBlock(relation, block: first)
            let end = stripe(of: key, below: blocks.upperBound).upperBound
            if identity.isLocal(key) {
                count += Int(end - first)
                guard count <= options.maximumGapBlocks else {
                    throw .gapTooLarge(
                        relation: relation,
                        blocks: UInt32(blocks.count),
                        limit: options.maximumGapBlocks
                    )
                }
                for block in first..<end {
                    try putZeroPage(.relationBlock(relation, block: block))
                    try spill()
                }
                statistics.gapBlocks &+= UInt64(end - first)
            }
            first = end
        }
    }
}
