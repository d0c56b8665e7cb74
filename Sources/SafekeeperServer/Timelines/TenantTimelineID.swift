package import ShardIdentity

/// The name of a timeline: timelines belong to tenants.
package struct TenantTimelineID: Hashable, Sendable {
    /// The tenant.
    package let tenant: TenantID
    /// The timeline of the tenant.
    package let timeline: TimelineID

    package init(tenant: TenantID, timeline: TimelineID) {
        self.tenant = tenant
        self.timeline = timeline
    }
}

extension TenantTimelineID: CustomStringConvertible {
    /// `tenant/timeline`.
    package var description: String { "\(tenant)/\(timeline)" }
}
