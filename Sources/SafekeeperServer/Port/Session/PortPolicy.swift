/// What a port asks of its clients.
package struct PortPolicy: Hashable, Sendable {
    /// Whether TLS is spoken.
    package enum Encryption: Hashable, Sendable {
        /// No.
        case none
        /// If the client asks for it.
        case offered
        /// With everyone.
        case required
    }

    /// Whether TLS is spoken.
    package var encryption: Encryption
    /// Whether clients have to show a token.
    package var requiresToken: Bool
    /// Whether only tokens of tenants are taken.
    package var isTenantOnly: Bool
    /// The largest frame of a client before COPY, in bytes; startup packets have their own limit, about the same.
    package var maximumQueryFrame: Int
    /// The largest frame of a client in COPY, in bytes.
    ///
    /// WAL comes in pieces of 128 KiB with a header of at most 80 bytes; the history of a timeline's terms takes 16
    /// bytes a term and has to fit as well.
    package var maximumCopyFrame: Int

    package init(
        encryption: Encryption = .none,
        requiresToken: Bool = false,
        isTenantOnly: Bool = false,
        maximumQueryFrame: Int = 10_000,
        maximumCopyFrame: Int = 1 << 20
    ) {
        self.encryption = encryption
        self.requiresToken = requiresToken
        self.isTenantOnly = isTenantOnly
        self.maximumQueryFrame = maximumQueryFrame
        self.maximumCopyFrame = maximumCopyFrame
    }
}
