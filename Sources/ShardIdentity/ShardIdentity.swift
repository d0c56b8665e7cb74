/// All that decides which keys a shard holds: number, count, stripe size and layout.
///
/// Two shards agree about where a key lies only if count, stripe size and layout are equal, so whoever stores data
/// of a shard stores its identity with it and refuses to go on under another one. Equality is over all four.
///
/// Source: `wal-interpretation.md` §8.
@frozen
public struct ShardIdentity: Hashable, Sendable {
    /// The shard's number, 0 to count - 1.
    public let number: ShardNumber
    /// The number of shards, 0 for unsharded.
    public let count: ShardCount
    /// The stripe size; also an unsharded tenant has one, which counts from the day it is split.
    public let stripeSize: ShardStripeSize
    /// The layout.
    public let layout: ShardLayout

    /// Makes the identity of one of several shards, or of the only one of count 1.
    ///
    /// Throws ``ShardIdentityError/invalidShardCount`` for count 0, and
    /// ``ShardIdentityError/invalidShardNumber(number:count:)`` if the number is not below the count.
    @inlinable
    public init(
        number: ShardNumber,
        count: ShardCount,
        stripeSize: ShardStripeSize,
        layout: ShardLayout = .stripes
    ) throws(ShardIdentityError) {
        guard !count.isUnsharded else { throw .invalidShardCount }
        self.init(index: try ShardIndex(number: number, count: count), stripeSize: stripeSize, layout: layout)
    }

    /// Makes the identity of one of several shards from plain numbers; the stripe size is in pages.
    ///
    /// Throws ``ShardIdentityError/invalidShardCount``, ``ShardIdentityError/invalidShardNumber(number:count:)`` or
    /// ``ShardIdentityError/invalidStripeSize``, the first that applies.
    @inlinable
    public init(number: UInt8, count: UInt8, stripeSize: UInt32) throws(ShardIdentityError) {
        guard count > 0 else { throw .invalidShardCount }
        let index = try ShardIndex(number: ShardNumber(number), count: ShardCount(count))
        self.init(index: index, stripeSize: try ShardStripeSize(pages: stripeSize))
    }

    /// Makes the identity of a shard, sharded or not, from its valid index.
    @inlinable
    public init(index: ShardIndex, stripeSize: ShardStripeSize, layout: ShardLayout = .stripes) {
        number = index.number
        count = index.count
        self.stripeSize = stripeSize
        self.layout = layout
    }

    /// The identity of a tenant from before sharding, with the stripe size of new tenants.
    @inlinable
    public static var unsharded: ShardIdentity { ShardIdentity(index: .unsharded, stripeSize: .standard) }

    /// Number and count.
    @inlinable
    public var index: ShardIndex { ShardIndex(validNumber: number, count: count) }

    /// Whether the tenant is from before sharding.
    @inlinable
    public var isUnsharded: Bool { count.isUnsharded }

    /// What follows the tenant in names of stored things: `-NNCC`, or nothing if unsharded.
    public var storageSuffix: String { index.storageSuffix }
}

// MARK: - Binary

extension ShardIdentity: BinaryRepresentable {
    /// The width of the binary form: 7 bytes.
    @inlinable
    public static var byteCount: Int { 7 }

    /// Parses number, count, stripe size and layout.
    ///
    /// Throws ``ShardIdentityError``: `wrongLength` for anything but 7 bytes, `invalidShardNumber`,
    /// `invalidStripeSize`, or `unusableLayout` for a layout other than 1. A count of 0 is the unsharded identity.
    @inlinable
    public init(bytes: RawSpan) throws(ShardIdentityError) {
        try ShardIdentity.checkLength(bytes)
        let index = try ShardIndex(bytes: bytes.extracting(0..<2))
        let stripeSize = try ShardStripeSize(pages: bytes.bigEndian(at: 2, as: UInt32.self))
        let layoutNumber = bytes.bigEndian(at: 6, as: UInt8.self)
        guard let layout = ShardLayout(rawValue: layoutNumber) else { throw .unusableLayout(layoutNumber) }
        self.init(index: index, stripeSize: stripeSize, layout: layout)
    }

    /// Appends number, count, stripe size and layout.
    ///
    /// Traps if there is no room for them.
    @inlinable
    public func write(to output: inout OutputRawSpan) {
        index.write(to: &output)
        output.appendBigEndian(stripeSize.pages)
        output.appendBigEndian(layout.rawValue)
    }
}

// MARK: - Text

extension ShardIdentity: CustomStringConvertible {
    /// A text for logs and errors, as in `shard 1 of 4, stripe size 2048`.
    public var description: String {
        let shard = isUnsharded ? "unsharded" : "shard \(number) of \(count)"
        return "\(shard), stripe size \(stripeSize)"
    }
}
