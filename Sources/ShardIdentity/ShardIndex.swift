/// Which shard of how many, without the tenant and without the stripe size.
///
/// The number is below the number of shards: an unsharded tenant has shard 0 of count 0.
/// Source: `wal-interpretation.md` §8.
@frozen
public struct ShardIndex: Hashable, Sendable {
    /// The shard's number, 0 to count - 1.
    public let number: ShardNumber
    /// The number of shards, 0 for unsharded.
    public let count: ShardCount

    /// Makes the index of a shard.
    ///
    /// Throws ``ShardIdentityError/invalidShardNumber(number:count:)`` unless the number is below the count, or 0 if
    /// unsharded.
    @inlinable
    public init(number: ShardNumber, count: ShardCount) throws(ShardIdentityError) {
        guard Int(number.rawValue) < count.effective else {
            throw .invalidShardNumber(number: number.rawValue, count: count.rawValue)
        }
        self.init(validNumber: number, count: count)
    }

    @inlinable
    init(validNumber number: ShardNumber, count: ShardCount) {
        self.number = number
        self.count = count
    }

    /// The one shard of a tenant from before sharding.
    @inlinable
    public static var unsharded: ShardIndex { ShardIndex(validNumber: .zero, count: .unsharded) }

    /// Whether the tenant is from before sharding.
    @inlinable
    public var isUnsharded: Bool { count.isUnsharded }

    /// What follows the tenant in names of stored things: `-NNCC`, or nothing if unsharded.
    public var storageSuffix: String { isUnsharded ? "" : "-\(self)" }

    /// The shards that take over from this one when the tenant gets `newCount` shards, in order.
    ///
    /// They are those whose number modulo the old count is this shard's. Only if the old count divides the new one do
    /// they get all of this shard's keys and none of another's; with stripes of another size they do not either.
    public func children(whenSplitInto newCount: ShardCount) -> [ShardIndex] {
        stride(from: Int(number.rawValue), to: Int(newCount.rawValue), by: count.effective).map { child in
            ShardIndex(validNumber: ShardNumber(UInt8(child)), count: newCount)
        }
    }
}

// MARK: - Order

extension ShardIndex: Comparable {
    /// Orders by number, then by count, as the text form does.
    @inlinable
    public static func < (lhs: ShardIndex, rhs: ShardIndex) -> Bool {
        (lhs.number, lhs.count) < (rhs.number, rhs.count)
    }
}

// MARK: - Binary

extension ShardIndex: BinaryRepresentable {
    /// The width of the binary form: 2 bytes.
    @inlinable
    public static var byteCount: Int { 2 }

    /// Parses number and count.
    ///
    /// Throws ``ShardIdentityError/wrongLength(expected:found:)`` for anything but 2 bytes, and what
    /// ``init(number:count:)`` throws.
    @inlinable
    public init(bytes: RawSpan) throws(ShardIdentityError) {
        try ShardIndex.checkLength(bytes)
        try self.init(
            number: ShardNumber(bytes.bigEndian(at: 0, as: UInt8.self)),
            count: ShardCount(bytes.bigEndian(at: 1, as: UInt8.self))
        )
    }

    /// Appends number and count.
    ///
    /// Traps if there is no room for them.
    @inlinable
    public func write(to output: inout OutputRawSpan) {
        output.appendBigEndian(number.rawValue)
        output.appendBigEndian(count.rawValue)
    }
}

// MARK: - Text

extension ShardIndex: CustomStringConvertible, LosslessStringConvertible {
    /// The text form `NNCC`: two lower-case hexadecimal digits for the number, two for the count.
    public var description: String {
        Hexadecimal.text(of: bytes)
    }

    /// Parses `NNCC` in either case; nil for anything else, and for a number that is not below the count.
    public init?(_ text: String) {
        self.init(utf8: text.utf8)
    }

    init?(utf8 text: some Collection<UInt8>) {
        guard let bytes = Hexadecimal.bytes(of: text, count: ShardIndex.byteCount) else { return nil }
        try? self.init(bytes: bytes)
    }
}
