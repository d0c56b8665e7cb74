internal import Hummingbird
package import Logging
package import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

/// The management API on a port.
///
/// Connections that say nothing for ``idleTimeout`` are closed.
package struct ManagementServer: Service {
    /// How long a connection may say nothing.
    package static let idleTimeout = TimeAmount.seconds(600)

    private let api: ManagementAPI
    private let address: ListenAddress
    private let logger: Logger
    private let onBound: @Sendable (SocketAddress) async -> Void

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
        self.api = api
        self.address = address
        self.logger = logger
        self.onBound = onBound
    }

    /// Serves until the task is cancelled or the service is told to shut down; requests that have begun are answered.
    ///
    /// Throws ``StartError`` if the address can't be had.
    package func run() async throws {
        let isBound = BoundFlag()
        // Of its own life the server is told nothing: that is logged elsewhere.
        var logger = logger
        logger.logLevel = max(logger.logLevel, .warning)
        let application = Application(
            responder: api,
            server: .http1(configuration: .init(idleTimeout: Self.idleTimeout)),
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: Int(address.port)),
                reuseAddress: true
            ),
            onServerRunning: { [onBound] channel in
                isBound.value.withLock { $0 = true }
                if let bound = channel.localAddress { await onBound(bound) }
            },
            logger: logger
        )
        do {
            try await application.run()
        } catch  where !isBound.value.withLock({ $0 }) && !(error is CancellationError) {
            throw StartError.listen("listen_http", address, error)
        }
    }
}

/// Whether the server listens.
private final class BoundFlag: Sendable {
    let value = Mutex(false)
}
