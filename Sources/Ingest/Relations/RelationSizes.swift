internal import ShardIdentity

/// A fork of a relation as it stands in a packed key: everything but the block.
struct PackedFork: Hashable {
    let high: UInt64
    let low: UInt32

    @inline(__always)
    init(_ key: CompactKey) {
        high = key.high
        low = UInt32(truncatingIfNeeded: key.low >> 32)
    }

    @inline(__always)
    func isOf(_ key: CompactKey) -> Bool {
        high == key.high && low == UInt32(truncatingIfNeeded: key.low >> 32)
    }
}

/// The sizes of relations that ingest has come across, with what is pending.
///
/// Only of relations that exist. Nothing is removed to make room while something is pending: what is not committed can't
/// be read again.
struct RelationSizes {
    private var sizes: [PackedFork: UInt32] = [:]
    /// Blocks of the fork used last that are known to be inside of it, and to be this shard's or not.
    var own = KnownBlocks()
    var observed = KnownBlocks()

    var count: Int { sizes.count }

    subscript(fork: PackedFork) -> UInt32? {
        get { sizes[fork] }
        set {
            sizes[fork] = newValue
            own = KnownBlocks()
            observed = KnownBlocks()
        }
    }

    mutating func removeAll() {
        sizes.removeAll()
        own = KnownBlocks()
        observed = KnownBlocks()
    }

    /// Forgets the relations of a database.
    mutating func remove(_ database: DatabaseLocator) {
        sizes = sizes.filter { fork, _ in
            let key = Key(CompactKey(high: fork.high, low: UInt64(fork.low) << 32))
            return key.field2 != database.tablespace || key.field3 != database.database
        }
        own = KnownBlocks()
        observed = KnownBlocks()
    }
}

/// A range of blocks of one fork.
struct KnownBlocks {
    private var fork: PackedFork?
    private var lower: UInt32 = 0
    private var upper: UInt32 = 0

    init() {}

    init(_ fork: PackedFork, _ blocks: Range<UInt32>) {
        self.fork = fork
        lower = blocks.lowerBound
        upper = blocks.upperBound
    }

    @inline(__always)
    func contains(_ key: CompactKey) -> Bool {
        let block = UInt32(truncatingIfNeeded: key.low)
        guard block >= lower, block < upper, let fork else { return false }
        return fork.isOf(key)
    }
}
