/// The hash that spreads stripes of relations over shards.
///
/// All arithmetic is on 32 bits and wraps. Source: `wal-interpretation.md` §8.
public enum ShardHash {
    /// Mixes 32 bits: the finaliser of MurmurHash3.
    @inlinable
    public static func murmur(_ value: UInt32) -> UInt32 {
        var hash = value
        hash ^= hash >> 16
        hash &*= 0x85EB_CA6B
        hash ^= hash >> 13
        hash &*= 0xC2B2_AE35
        hash ^= hash >> 16
        return hash
    }

    /// Combines two hashes; not symmetric.
    @inlinable
    public static func combine(_ first: UInt32, _ second: UInt32) -> UInt32 {
        var mixed = second
        mixed &+= 0x9E37_79B9
        mixed &+= first << 6
        mixed &+= first >> 2
        return first ^ mixed
    }

    /// The hash of a stripe of a relation; tablespace, database and fork do not enter.
    @inlinable
    public static func hash(relation: UInt32, stripe: UInt32) -> UInt32 {
        combine(murmur(relation), murmur(stripe))
    }
}
