public import PostgresWAL
public import ShardIdentity

/// What is received: the WAL of one timeline, for one shard.
public struct ReceiverTarget: Hashable, Sendable {
    /// The tenant.
    public let tenant: TenantID
    /// The timeline.
    public let timeline: TimelineID
    /// The shard: number, count, stripe size and layout.
    public let identity: ShardIdentity
    /// The version of PostgreSQL that writes the WAL; needed to interpret raw WAL here.
    public let version: PostgresMajorVersion

    /// Makes a target of its parts.
    public init(tenant: TenantID, timeline: TimelineID, identity: ShardIdentity, version: PostgresMajorVersion) {
        self.tenant = tenant
        self.timeline = timeline
        self.identity = identity
        self.version = version
    }
}

extension ReceiverTarget: CustomStringConvertible {
    /// Tenant with shard suffix, and timeline.
    public var description: String { "\(tenant)\(identity.storageSuffix)/\(timeline)" }
}
