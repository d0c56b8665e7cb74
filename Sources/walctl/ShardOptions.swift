import ArgumentParser
import ShardIdentity

/// Which shards a command serves.
struct ShardOptions: ParsableArguments {
    @Option(
        name: .customLong("shard-count"),
        help: "Number of shards; 0 for an unsharded tenant."
    )
    var count: UInt8 = 0

    @Option(
        name: .customLong("stripe-size"),
        help: ArgumentHelp("Blocks of 8 KiB that stay together on one shard.", valueName: "pages")
    )
    var stripeSize: UInt32 = ShardStripeSize.standard.pages

    @Option(help: ArgumentHelp("Only this shard. Default: all of them.", valueName: "number"))
    var shard: UInt8?

    mutating func validate() throws {
        _ = try identities()
    }

    /// The shards, in the order of their numbers.
    func identities() throws -> [ShardIdentity] {
        do {
            let stripeSize = try ShardStripeSize(pages: stripeSize)
            let count = ShardCount(count)
            let numbers = shard.map { [Int($0)] } ?? Array(0..<count.effective)
            return try numbers.map { number in
                let index = try ShardIndex(number: ShardNumber(UInt8(number)), count: count)
                return ShardIdentity(index: index, stripeSize: stripeSize)
            }
        } catch let error as ShardIdentityError {
            throw ValidationError("\(error)")
        }
    }
}
