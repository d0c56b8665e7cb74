package import Logging
package import NIOCore
package import ServerSupport

/// The management API on a port.
package typealias ManagementServer = HTTPService<ManagementAPI>

extension HTTPService where Responder == ManagementAPI {
    /// - Parameters:
    ///   - api: what is served.
    ///   - address: where.
    ///   - logger: where to tell what happens.
    ///   - onBound: called once it listens, with the port that the system chose.
    package init(
        _ api: ManagementAPI,
        at address: ListenAddress,
        logger: Logger,
        onBound: @escaping @Sendable (SocketAddress) async -> Void
    ) {
        self.init(
            api,
            at: address,
            logger: logger,
            bindFailure: { StartError.listen("listen_http", address, $0) },
            onBound: onBound
        )
    }
}
