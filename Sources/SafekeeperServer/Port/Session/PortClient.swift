package import ReplicationProtocol

/// What a client has said of itself.
package struct PortClient: Hashable, Sendable {
    /// What it named in the `options` of its session.
    package let options: SafekeeperStartupOptions
    /// Its name for itself.
    package let applicationName: String?
    /// Whether it speaks TLS.
    package let isEncrypted: Bool
    /// The claims of its token; nil where none is asked for.
    package internal(set) var claims: AccessClaims?

    package init(
        options: SafekeeperStartupOptions,
        applicationName: String? = nil,
        isEncrypted: Bool = false,
        claims: AccessClaims? = nil
    ) {
        self.options = options
        self.applicationName = applicationName
        self.isEncrypted = isEncrypted
        self.claims = claims
    }

    /// Whether it may do something; where no token is asked for, everything.
    func permits(_ call: ProtectedCall) -> Bool {
        claims?.permits(call) ?? true
    }
}
