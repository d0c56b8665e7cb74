/// The number of a shard of a tenant, 0 to count - 1.
@frozen
public struct ShardNumber: Hashable, Comparable, Sendable {
    /// The number, 0 to 254.
    public let rawValue: UInt8

    /// Makes a shard number; whether it is below the count shows where the two come together.
    @inlinable
    public init(_ rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// Shard 0, which also holds what is not spread over the shards.
    @inlinable
    public static var zero: ShardNumber { ShardNumber(0) }

    /// Orders by number.
    @inlinable
    public static func < (lhs: ShardNumber, rhs: ShardNumber) -> Bool {
        lhs.rawValue < rhs.rawValue
    }
}

extension ShardNumber: CustomStringConvertible {
    /// The number in decimal.
    public var description: String { "\(rawValue)" }
}
