public import PostgresWAL
public import ShardIdentity

/// What a store holds: one shard of one timeline, and the version of PostgreSQL that writes its WAL.
public struct TimelineShard: Hashable, Sendable {
    /// The tenant.
    public let tenant: TenantID
    /// The timeline.
    public let timeline: TimelineID
    /// The shard: number, count, stripe size and layout.
    public let identity: ShardIdentity
    /// The version whose WAL is ingested.
    public let version: PostgresMajorVersion

    /// Makes a value of its parts.
    public init(tenant: TenantID, timeline: TimelineID, identity: ShardIdentity, version: PostgresMajorVersion) {
        self.tenant = tenant
        self.timeline = timeline
        self.identity = identity
        self.version = version
    }

    /// Whether this shard keeps what is on shard zero only.
    var isShardZero: Bool { identity.number == .zero }
}

extension TimelineShard: CustomStringConvertible {
    /// Tenant with shard suffix, timeline, stripe size and version.
    public var description: String {
        "\(tenant)\(identity.storageSuffix)/\(timeline) (\(identity), PostgreSQL \(version.rawValue))"
    }
}
