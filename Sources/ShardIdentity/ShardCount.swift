/// How many shards a tenant has: 1 to 255, or 0 for a tenant from before sharding.
///
/// An unsharded tenant has one shard, like one of count 1, but its names carry no suffix.
@frozen
public struct ShardCount: Hashable, Comparable, Sendable {
    /// The count, 0 for unsharded.
    public let rawValue: UInt8

    /// Makes a shard count; every value is one.
    @inlinable
    public init(_ rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// The count of a tenant from before sharding, 0.
    @inlinable
    public static var unsharded: ShardCount { ShardCount(0) }

    /// Whether the tenant is from before sharding.
    @inlinable
    public var isUnsharded: Bool { rawValue == 0 }

    /// The number of shards there really are, 1 to 255.
    @inlinable
    public var effective: Int { Int(max(rawValue, 1)) }

    /// Orders by count, unsharded first.
    @inlinable
    public static func < (lhs: ShardCount, rhs: ShardCount) -> Bool {
        lhs.rawValue < rhs.rawValue
    }
}

extension ShardCount: BinaryRepresentable {
    /// The width of the binary form: 1 byte.
    @inlinable
    public static var byteCount: Int { 1 }

    /// Parses the byte.
    ///
    /// Throws ``ShardIdentityError/wrongLength(expected:found:)`` for anything but one byte.
    @inlinable
    public init(bytes: RawSpan) throws(ShardIdentityError) {
        try ShardCount.checkLength(bytes)
        self.init(bytes.bigEndian(at: 0, as: UInt8.self))
    }

    /// Appends the byte.
    ///
    /// Traps if there is no room for it.
    @inlinable
    public func write(to output: inout OutputRawSpan) {
        output.appendBigEndian(rawValue)
    }
}

extension ShardCount: CustomStringConvertible, LosslessStringConvertible {
    /// Parses a decimal number, as start options carry it; nil for anything else and above 255.
    public init?(_ text: String) {
        guard text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let number = UInt8(text) else {
            return nil
        }
        self.init(number)
    }

    /// The count in decimal.
    public var description: String { "\(rawValue)" }
}
