internal import Glibc
package import Logging
package import NIOCore

/// Takes no connections for a while when the system has no file descriptors or no memory for them.
///
/// A connection that can't be taken stays with the system, which tells of it again and again: a listening channel that
/// went on trying would keep a processor busy. Those who are connected are served all the time.
package final class AcceptPause: ChannelInboundHandler {
    package typealias InboundIn = Channel

    /// How long it waits before it tries again.
    private static let duration = TimeAmount.seconds(1)

    /// Errors that may pass: without any for the process, for the system; buffers; memory.
    private static let shortages: Set<CInt> = [EMFILE, ENFILE, ENOBUFS, ENOMEM]

    private let logger: Logger

    /// Puts one in front of a listening channel's handlers; on its event loop.
    ///
    /// Throws what NIO says of a channel that is closed.
    package static func add(to channel: any Channel, logger: Logger) throws {
        try channel.pipeline.syncOperations.addHandler(AcceptPause(logger: logger), position: .first)
    }

    private init(logger: Logger) {
        self.logger = logger
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let failure = error as? IOError, Self.shortages.contains(failure.errnoCode) else {
            return context.fireErrorCaught(error)
        }
        let seconds = Self.duration.nanoseconds / 1_000_000_000
        logger.warning("no connection can be taken, trying again in \(seconds) s: \(failure)")
        let channel = context.channel
        channel.setOption(.autoRead, value: false).whenSuccess {
            channel.eventLoop.scheduleTask(in: Self.duration) { channel.setOption(.autoRead, value: true) }
        }
    }
}
