/// Why a value of this module could not be made.
@frozen
public enum ShardIdentityError: Error, Hashable, Sendable {
    /// A shard count of 0 where shards are numbered; the unsharded identity has a constructor of its own.
    case invalidShardCount
    /// A shard number that is not below the number of shards.
    case invalidShardNumber(number: UInt8, count: UInt8)
    /// A stripe size of 0.
    case invalidStripeSize
    /// A layout other than 1, among them 255, with which a shard is marked as unusable.
    case unusableLayout(UInt8)
    /// Binary input of the wrong width, both in bytes.
    case wrongLength(expected: Int, found: Int)
}

extension ShardIdentityError: CustomStringConvertible {
    /// The text for the log; the first three are what other implementations print.
    public var description: String {
        switch self {
        case .invalidShardCount: "Invalid shard count"
        case .invalidShardNumber: "Invalid shard number"
        case .invalidStripeSize: "Invalid stripe size"
        case .unusableLayout(let layout): "Unusable shard layout: \(layout)"
        case .wrongLength(let expected, let found): "Wrong length: \(found) bytes instead of \(expected)"
        }
    }
}
