/// How a port for WAL is to be.
package struct PortConfiguration: Sendable {
    /// Whether TLS is spoken, and with which certificate.
    package enum Encryption: Sendable {
        /// No.
        case none
        /// If the client asks for it.
        case offered(TLSCredentials)
        /// With everyone.
        case required(TLSCredentials)
    }

    /// The name or address to listen at.
    package var host: String
    /// The TCP port to listen at; 0 lets the system choose one.
    package var port: Int
    /// Whether TLS is spoken.
    package var encryption: Encryption
    /// Judges the tokens of clients; nil trusts everyone.
    package var tokenVerifier: TokenVerifier?
    /// Whether only tokens of tenants are taken.
    package var isTenantOnly: Bool
    /// How much of everything is allowed.
    package var limits: PortLimits
    /// Where the numbers of connections come from.
    package var connectionNumbers: ConnectionNumbers

    package init(
        host: String,
        port: Int,
        encryption: Encryption = .none,
        tokenVerifier: TokenVerifier? = nil,
        isTenantOnly: Bool = false,
        limits: PortLimits = PortLimits(),
        connectionNumbers: ConnectionNumbers = ConnectionNumbers()
    ) {
        self.host = host
        self.port = port
        self.encryption = encryption
        self.tokenVerifier = tokenVerifier
        self.isTenantOnly = isTenantOnly
        self.limits = limits
        self.connectionNumbers = connectionNumbers
    }

    var credentials: TLSCredentials? {
        switch encryption {
        case .none: nil
        case .offered(let credentials), .required(let credentials): credentials
        }
    }

    var policy: PortPolicy {
        let spoken: PortPolicy.Encryption =
            switch encryption {
            case .none: .none
            case .offered: .offered
            case .required: .required
            }
        return PortPolicy(encryption: spoken, requiresToken: tokenVerifier != nil, isTenantOnly: isTenantOnly)
    }
}
