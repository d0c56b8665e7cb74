package import ShardIdentity

/// What a token is made for.
///
/// Source: `safekeeper-operations.md` §2.1.
package enum AccessScope: String, CaseIterable, Hashable, Sendable {
    /// The data of one tenant, which the token names.
    case tenant
    /// One endpoint of a tenant.
    case tenantEndpoint = "tenantendpoint"
    /// The management of pageservers.
    case pageserverAPI = "pageserverapi"
    /// Everything on a safekeeper.
    case safekeeperData = "safekeeperdata"
    /// The generations of pageservers' tenants.
    case generationsAPI = "generations_api"
    /// The storage controller's administration.
    case admin
    /// The infrastructure: registration of nodes.
    case infra
    /// The storage scrubber.
    case scrubber
    /// Storage controllers among themselves.
    case controllerPeer = "controller_peer"
}

/// What a client wants to do.
package enum ProtectedCall: Hashable, Sendable {
    /// Start a session on a port for WAL.
    case login(tenantOnly: Bool)
    /// Something that concerns one tenant.
    case tenant(TenantID)
    /// Something that concerns the whole safekeeper.
    case management
}

/// What a verified token says.
package struct AccessClaims: Hashable, Sendable {
    /// What the token is made for.
    package let scope: AccessScope
    /// The tenant it is made for, if it names one.
    package let tenant: TenantID?

    package init(scope: AccessScope, tenant: TenantID? = nil) {
        self.scope = scope
        self.tenant = tenant
    }

    /// Whether the token allows a call.
    ///
    /// Logging in to a port for all is open to every scope, as the other safekeepers have it; such a session can then
    /// not run a single command.
    /// Source: `safekeeper-operations.md` §2.2, §2.3.
    package func permits(_ call: ProtectedCall) -> Bool {
        switch (scope, call) {
        // A tenant's token that does not say whose is worth nothing.
        case (.tenant, .login): tenant != nil
        case (.tenant, .tenant(let wanted)): tenant == wanted
        case (.tenant, .management): false
        case (_, .login(let tenantOnly)): !tenantOnly
        case (.safekeeperData, .tenant), (.safekeeperData, .management): true
        case (_, .tenant), (_, .management): false
        }
    }
}
