package import Hummingbird
package import Logging
package import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

/// An API on a port, over HTTP.
///
/// Connections that say nothing for ``idleTimeout`` are closed. While there are ``maximumConnections``, another one is
/// closed at once.
package struct HTTPService<Responder: HTTPResponder>: Service where Responder.Context == BasicRequestContext {
    /// How long a connection may say nothing.
    package static var idleTimeout: TimeAmount { .seconds(600) }
    /// How many connections there may be.
    package static var maximumConnections: Int { 1024 }
    /// How long requests that have begun may take when the server is told to shut down; then they are cut off.
    package static var shutdownGrace: Duration { .seconds(1) }

    private let api: Responder
    private let address: ListenAddress
    private let logger: Logger
    private let bindFailure: @Sendable (any Error) -> any Error
    private let onBound: @Sendable (SocketAddress) async -> Void

    /// - Parameters:
    ///   - api: what is served.
    ///   - address: where.
    ///   - logger: where to tell what happens.
    ///   - bindFailure: what ``run()`` throws if the address can't be had, made of the reason.
    ///   - onBound: called once it listens, with the port that the system chose.
    package init(
        _ api: Responder,
        at address: ListenAddress,
        logger: Logger,
        bindFailure: @escaping @Sendable (any Error) -> any Error,
        onBound: @escaping @Sendable (SocketAddress) async -> Void
    ) {
        self.api = api
        self.address = address
        self.logger = logger
        self.bindFailure = bindFailure
        self.onBound = onBound
    }

    /// Serves until the task is cancelled or the service is told to shut down; requests that have begun are answered, if
    /// that doesn't take long.
    ///
    /// Throws what `bindFailure` makes of the reason if the address can't be had.
    package func run() async throws {
        let isBound = BoundFlag()
        let openChannels = OpenChannels(maximum: Self.maximumConnections)
        // Of its own life the server is told nothing: that is logged elsewhere.
        var logger = logger
        logger.logLevel = max(logger.logLevel, .warning)
        let application = Application(
            responder: api,
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [AdmissionHandler(openChannels)],
                    idleTimeout: Self.idleTimeout
                )
            ),
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: Int(address.port)),
                reuseAddress: true
            ),
            onServerRunning: { [onBound, logger] channel in
                isBound.value.withLock { $0 = true }
                try? await channel.eventLoop.submit { try AcceptPause.add(to: channel, logger: logger) }.get()
                if let bound = channel.localAddress { await onBound(bound) }
            },
            logger: logger
        )
        do {
            try await run(application, openChannels)
        } catch  where !isBound.value.withLock({ $0 }) && !(error is CancellationError) {
            throw bindFailure(error)
        }
    }
}

extension HTTPService {
    /// Runs a service; closes its connections if it takes too long to shut down.
    private func run(_ service: some Service, _ openChannels: OpenChannels) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                // Also ends when the service has: this task is cancelled then, and there is nothing left to close.
                try await gracefulShutdown()
                try await Task.sleep(for: Self.shutdownGrace)
                logger.info("closing \(openChannels.count) connections that hold up the stop")
                await openChannels.closeAll()
            }
            try await service.run()
            group.cancelAll()
            // A task that was cancelled is no failure.
            while await group.nextResult() != nil {}
        }
    }
}

/// Lets a connection in, unless there are too many.
private final class AdmissionHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Any

    private let openChannels: OpenChannels

    init(_ openChannels: OpenChannels) {
        self.openChannels = openChannels
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if !openChannels.admit(context.channel) { context.close(promise: nil) }
    }
}

/// Whether the server listens.
private final class BoundFlag: Sendable {
    let value = Mutex(false)
}
