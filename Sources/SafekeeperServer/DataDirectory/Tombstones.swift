package import ReplicationProtocol
package import ShardIdentity

/// Which timelines and tenants were deleted and may not come back: the rules, without the disk.
///
/// A timeline's tombstone may have a generation: that of the membership that excluded this safekeeper. It holds back
/// requests of that generation and older ones, a later one may bring the timeline back. Without a generation, and
/// for a tenant, nothing may.
///
/// Source: `safekeeper-core.md` §6.1.
package struct Tombstones: Hashable, Sendable {
    /// One tombstone.
    package enum Tombstone: Hashable, Sendable {
        /// Of a timeline, with the generation that it holds back, or nil for all.
        case timeline(TenantTimelineID, Generation?)
        /// Of a tenant, with all its timelines.
        case tenant(TenantID)
    }

    private var timelines: [TenantTimelineID: Generation?] = [:]
    private var tenants: Set<TenantID> = []

    package init() {}

    /// Adds a tombstone; of two for one timeline the one that holds back more counts.
    package mutating func insert(_ tombstone: Tombstone) {
        switch tombstone {
        case .tenant(let tenant): tenants.insert(tenant)
        case .timeline(let id, let generation):
            guard let old = timelines[id] else {
                timelines[id] = .some(generation)
                return
            }
            guard let old, let generation else {
                timelines[id] = .some(nil)
                return
            }
            timelines[id] = .some(max(old, generation))
        }
    }

    /// Forgets a timeline's tombstone.
    package mutating func remove(_ id: TenantTimelineID) {
        timelines[id] = nil
    }

    /// Whether a timeline was deleted.
    package func contains(_ id: TenantTimelineID) -> Bool {
        tenants.contains(id.tenant) || timelines[id] != nil
    }

    /// Whether a tenant was deleted.
    package func contains(_ tenant: TenantID) -> Bool {
        tenants.contains(tenant)
    }

    /// Whether a timeline may not be made by a request of a generation.
    package func holdsBack(_ id: TenantTimelineID, _ generation: Generation) -> Bool {
        if tenants.contains(id.tenant) { return true }
        guard let tombstone = timelines[id] else { return false }
        guard let tombstone else { return true }
        return tombstone >= generation
    }
}

// MARK: - On disk

/// Each tombstone is an empty file in the folder `tombstones` of the data directory; its name says all:
///
/// | name | tombstone |
/// |---|---|
/// | `<tenant>` | of a tenant |
/// | `<tenant>_<timeline>` | of a timeline, for all generations |
/// | `<tenant>_<timeline>_<generation>` | of a timeline, up to a generation (decimal) |
///
/// Ids are 32 lower-case hexadecimal digits. An empty file is there or it isn't, so there is nothing that a crash could
/// leave half done, and it needs no space on a full disk. They are kept for good. A build that knows nothing of them
/// passes over the folder, as its name is no tenant's.
extension Tombstones.Tombstone {
    /// The folder.
    static let folderName = "tombstones"

    /// The file's name.
    package var fileName: String {
        switch self {
        case .tenant(let tenant): "\(tenant)"
        case .timeline(let id, nil): "\(id.tenant)_\(id.timeline)"
        case .timeline(let id, let generation?): "\(id.tenant)_\(id.timeline)_\(generation)"
        }
    }

    /// Parses a file's name; nil for any other name.
    package init?(fileName: String) {
        let parts = fileName.split(separator: "_", omittingEmptySubsequences: false)
        guard (1...3).contains(parts.count), let tenant = TenantID(String(parts[0])) else { return nil }
        if parts.count == 1 {
            self = .tenant(tenant)
        } else {
            guard let timeline = TimelineID(String(parts[1])) else { return nil }
            let generation = parts.count == 3 ? UInt32(parts[2]) : nil
            if parts.count == 3 && generation == nil { return nil }
            self = .timeline(TenantTimelineID(tenant: tenant, timeline: timeline), generation.map(Generation.init))
        }
        // Also no other spelling of it.
        if self.fileName != fileName { return nil }
    }
}
