// Which shard holds a key.
//
// Blocks of relations are spread by hash, a stripe at a time. Of the rest, some keys are on shard 0 only and some,
// the global ones, on every shard.
// Source: `wal-interpretation.md` §8.

extension Key {
    /// Whether no hash decides about this key: it is not a block of a relation, or one of an init fork.
    @inlinable
    public var isAlwaysOnShardZero: Bool { !isRelationBlock || field5 == ForkNumber.initialization }

    /// Whether every shard keeps its own value of this key: neither a block of a relation nor of an SLRU, nor an SLRU's
    /// directory or segment size, nor an aux file.
    @inlinable
    public var isGlobal: Bool {
        !(isRelationBlock || isSLRUBlock || isSLRUSegmentSize || isSLRUDirectory || isAuxFile)
    }
}

extension ShardIdentity {
    // MARK: Hash

    /// The shard that owns a key, whatever its number; shard 0 for all keys that are not spread.
    @inlinable
    public static func shardNumber(
        of key: Key,
        count: ShardCount,
        stripeSize: ShardStripeSize
    ) -> ShardNumber {
        let owner = stripeOwner(relation: key.field4, stripe: stripeSize.stripe(ofBlock: key.field6), count: count)
        return key.isAlwaysOnShardZero ? .zero : owner
    }

    /// The shard that owns a block of a relation.
    ///
    /// The same as for the whole key with field 1 = 0: tablespace and database do not matter, the fork only if it is
    /// the init fork. Relation 0 and block 0xFFFFFFFF are no blocks and belong to shard 0.
    @inlinable
    public static func shardNumber(
        relation: UInt32,
        block: UInt32,
        fork: UInt8,
        count: ShardCount,
        stripeSize: ShardStripeSize
    ) -> ShardNumber {
        let key = Key(field1: 0, field2: 0, field3: 0, field4: relation, field5: fork, field6: block)
        return shardNumber(of: key, count: count, stripeSize: stripeSize)
    }

    /// The shard that owns a stripe of a relation other than its init fork.
    ///
    /// For loops that remember the last relation and stripe: the answer holds for all blocks of the stripe.
    @inlinable
    public static func stripeOwner(relation: UInt32, stripe: UInt32, count: ShardCount) -> ShardNumber {
        let hash = ShardHash.hash(relation: relation, stripe: stripe)
        return ShardNumber(UInt8(truncatingIfNeeded: hash % UInt32(truncatingIfNeeded: count.effective)))
    }

    /// The shard that owns a key under this count and stripe size.
    @inlinable
    public func shard(of key: Key) -> ShardNumber {
        ShardIdentity.shardNumber(of: key, count: count, stripeSize: stripeSize)
    }

    /// The shard that owns a block of a relation under this count and stripe size.
    @inlinable
    public func shard(relation: UInt32, block: UInt32, fork: UInt8) -> ShardNumber {
        ShardIdentity.shardNumber(
            relation: relation,
            block: block,
            fork: fork,
            count: count,
            stripeSize: stripeSize
        )
    }

    // MARK: Rules

    /// Whether this shard owns a key: always with one shard, and on shard 0 for all keys that are not spread.
    @inlinable
    public func isLocal(_ key: Key) -> Bool {
        shard(of: key) == number
    }

    /// Whether this shard can do without a key: neither its own nor one that every shard keeps.
    @inlinable
    public func isDisposable(_ key: Key) -> Bool {
        !key.isGlobal && !isLocal(key)
    }
}
