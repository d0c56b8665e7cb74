/// One shard of one tenant.
///
/// Source: `wal-interpretation.md` §8.
@frozen
public struct TenantShardID: Hashable, Sendable {
    /// The tenant.
    public let tenant: TenantID
    /// Which of its shards.
    public let shard: ShardIndex

    /// Names a shard of a tenant, the only one of an unsharded tenant if not told.
    @inlinable
    public init(tenant: TenantID, shard: ShardIndex = .unsharded) {
        self.tenant = tenant
        self.shard = shard
    }

    /// The shards that take over from this one when the tenant gets `newCount` shards, in order.
    ///
    /// See ``ShardIndex/children(whenSplitInto:)``.
    public func children(whenSplitInto newCount: ShardCount) -> [TenantShardID] {
        shard.children(whenSplitInto: newCount).map { TenantShardID(tenant: tenant, shard: $0) }
    }
}

extension TenantShardID: Comparable {
    /// Orders by tenant, then by shard.
    @inlinable
    public static func < (lhs: TenantShardID, rhs: TenantShardID) -> Bool {
        (lhs.tenant, lhs.shard) < (rhs.tenant, rhs.shard)
    }
}

extension TenantShardID: BinaryRepresentable {
    /// The width of the binary form: 18 bytes, also if unsharded.
    @inlinable
    public static var byteCount: Int { 18 }

    /// Parses tenant, number and count.
    ///
    /// Throws ``ShardIdentityError/wrongLength(expected:found:)`` for anything but 18 bytes, and what
    /// ``ShardIndex/init(number:count:)`` throws.
    @inlinable
    public init(bytes: RawSpan) throws(ShardIdentityError) {
        try TenantShardID.checkLength(bytes)
        self.init(
            tenant: try TenantID(bytes: bytes.extracting(0..<16)),
            shard: try ShardIndex(bytes: bytes.extracting(16..<18))
        )
    }

    /// Appends tenant, number and count.
    ///
    /// Traps if there is no room for them.
    @inlinable
    public func write(to output: inout OutputRawSpan) {
        tenant.write(to: &output)
        shard.write(to: &output)
    }
}

extension TenantShardID: CustomStringConvertible, LosslessStringConvertible {
    /// The text form: the tenant's 32 digits, then `-NNCC` unless unsharded.
    public var description: String { "\(tenant)\(shard.storageSuffix)" }

    /// Parses 32 hexadecimal digits, or 37 characters with a `-NNCC`, in either case; nil for anything else.
    public init?(_ text: String) {
        guard let tenant = TenantID(utf8: text.utf8.prefix(32)) else { return nil }
        let suffix = text.utf8.dropFirst(32)
        if suffix.isEmpty {
            self.init(tenant: tenant)
            return
        }
        guard suffix.first == UInt8(ascii: "-"), let shard = ShardIndex(utf8: suffix.dropFirst()) else { return nil }
        self.init(tenant: tenant, shard: shard)
    }
}
