package import Logging
package import NIOCore
internal import NIOPosix
internal import ServerSupport
internal import ServiceLifecycle

/// A port on which a safekeeper takes and sends WAL: PostgreSQL's protocol over TCP, with or without TLS.
///
/// ``bind(_:handler:logger:eventLoopGroup:)`` takes the address, ``run()`` serves. Each connection has a task of its
/// own that runs its commands one after the other, and a channel handler on an event loop that does the rest.
/// Source: `safekeeper-core.md` §1.1, `replication-protocol.md` §1.
package struct PortServer: Service {
    /// Where it listens; with the port that the system chose.
    package let address: SocketAddress

    private let tasks: PortConnectionTasks
    private let logger: Logger
    private let openChannels: OpenChannels
    private let listener: NIOAsyncChannel<PortTransport, Never>

    /// Takes the address of a configuration, and lets clients wait until ``run()`` is called.
    ///
    /// Throws what NIO says of an address that can't be had. Looking up a host name blocks.
    package static func bind(
        _ configuration: PortConfiguration,
        handler: any PortHandler,
        logger: Logger,
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws -> PortServer {
        let openChannels = OpenChannels(maximum: configuration.limits.maximumConnections)
        let listener = try await bootstrap(eventLoopGroup, configuration.limits, logger)
            .bind(host: configuration.host, port: configuration.port) { [policy = configuration.policy] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
                    let handler = PortChannelHandler(
                        policy: policy,
                        limits: configuration.limits,
                        tls: configuration.credentials,
                        isRefused: !openChannels.admit(channel)
                    )
                    try channel.pipeline.syncOperations.addHandler(handler)
                    return PortTransport(handler, of: channel)
                }
            }
        guard let address = listener.channel.localAddress else {
            try await listener.channel.close()
            throw ChannelError.unknownLocalAddress
        }
        let tasks = PortConnectionTasks(configuration: configuration, handler: handler, logger: logger)
        return PortServer(
            address: address,
            tasks: tasks,
            logger: logger,
            openChannels: openChannels,
            listener: listener
        )
    }

    private static func bootstrap(
        _ group: any EventLoopGroup,
        _ limits: PortLimits,
        _ logger: Logger
    ) -> ServerBootstrap {
        let sizes = limits.receiveBufferSize
        let allocator = AdaptiveRecvByteBufferAllocator(
            minimum: sizes.lowerBound,
            initial: sizes.lowerBound,
            maximum: sizes.upperBound
        )
        return ServerBootstrap(group: group)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try AcceptPause.add(to: channel, logger: logger) }
            }
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // Connections take it over, and tell their windows by it from the first packet on.
            .serverChannelOption(.socketOption(.so_rcvbuf), value: .init(limits.socketReceiveBuffer))
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.writeBufferWaterMark, value: limits.writeWaterMark)
            .childChannelOption(.recvAllocator, value: allocator)
    }

    /// How many connections are open, those that have not logged in and those that are being closed among them.
    package var connectionCount: Int { openChannels.count }

    /// Serves until the task is cancelled or the service is told to shut down: then it stops listening, ends what the
    /// handlers do by cancelling them, closes all connections, and returns when that is done.
    ///
    /// Throws if the listening socket fails; everything is closed then as well. To be called once.
    package func run() async throws {
        let metadata: Logger.Metadata = ["address": "\(address)"]
        logger.info("starting safekeeper WAL service", metadata: metadata)
        let failure = await cancelWhenGracefulShutdown { await serve() }
        await openChannels.closeAll()
        logger.info("safekeeper WAL service has ended", metadata: metadata)
        if let failure { throw failure }
    }

    /// Stops listening without having run.
    package func close() async {
        try? await listener.channel.close()
        await openChannels.closeAll()
    }

    /// Gives the error that made it end; nil if it was told to end.
    private func serve() async -> (any Error)? {
        await withDiscardingTaskGroup { connections in
            do {
                try await listener.executeThenClose { accepted in
                    for try await transport in accepted {
                        connections.addTask { await tasks.serve(transport) }
                    }
                }
            } catch  where !Task.isCancelled {
                connections.cancelAll()
                return error
            } catch {
                return nil
            }
            return Task.isCancelled ? nil : ChannelError.eof
        }
    }
}
