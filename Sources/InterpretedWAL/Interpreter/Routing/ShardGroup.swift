internal import PostgresWAL
internal import ShardIdentity

/// Shards that are served together and agree on where a key lies: equal count and equal stripe size.
///
/// There is more than one group only around a split, when the old layout and the new one are both served.
struct ShardGroup {
    let count: ShardCount
    let stripeSize: ShardStripeSize
    /// The batch of each shard number; -1 for those that aren't served.
    private(set) var batches: [Int16]
    /// The batches of all the shards in the group, in the order of the shards' numbers.
    private(set) var all: [Int] = []

    // Neighbouring records mostly touch the same few stripes.
    private var lastRelation: UInt32 = 0
    private var lastStripeStart: UInt32 = 0
    private var lastOwner: UInt8 = 0

    init(count: ShardCount, stripeSize: ShardStripeSize) {
        self.count = count
        self.stripeSize = stripeSize
        batches = Array(repeating: -1, count: 256)
    }

    mutating func add(_ number: ShardNumber, batch: Int) {
        batches[Int(number.rawValue)] = Int16(batch)
        all = batches.filter { $0 >= 0 }.map(Int.init)
    }

    /// The batch of shard zero; nil if it isn't served.
    var shardZero: Int? { batches[0] >= 0 ? Int(batches[0]) : nil }

    /// The number of the shard that owns a block of a relation.
    @inline(__always)
    mutating func owner(relation: UInt32, block: UInt32, fork: UInt8) -> UInt8 {
        if relation == lastRelation, block &- lastStripeStart < stripeSize.pages, fork < ForkNumber.initialization {
            return lastOwner
        }
        return findOwner(relation: relation, block: block, fork: fork)
    }

    @inline(never)
    private mutating func findOwner(relation: UInt32, block: UInt32, fork: UInt8) -> UInt8 {
        // Neither what has one shard nor what isn't spread is worth remembering: both are decided at once.
        if count.effective < 2 { return 0 }
        if relation == 0 || block == UInt32.max || fork >= ForkNumber.initialization { return 0 }
        let stripe = stripeSize.stripe(ofBlock: block)
        let owner = ShardIdentity.stripeOwner(relation: relation, stripe: stripe, count: count).rawValue
        let stripeStart = stripe &* stripeSize.pages
        // Nor the last stripe of all: with it would go the number that is no block.
        if UInt32.max - stripeStart < stripeSize.pages { return owner }
        lastRelation = relation
        lastStripeStart = stripeStart
        lastOwner = owner
        return owner
    }
}
