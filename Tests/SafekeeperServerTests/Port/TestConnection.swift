import NIOCore
import NIOPosix
import NIOSSL
import ReplicationProtocol
import SafekeeperServer

/// A client's connection as plain bytes; used by one task.
final class TestConnection {
    /// A message of the server.
    struct Message: Equatable {
        let tag: Character
        let body: [UInt8]
    }

    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private var received = ByteBuffer()
    let channel: any Channel

    /// Connects for the time of a call.
    static func with<Result>(
        _ server: PortServer,
        tls: Bool = false,
        _ body: (TestConnection) async throws -> Result
    ) async throws -> Result {
        let context = try tls ? clientContext() : nil
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            // As it is, not grown by the system to its greatest, 32 MiB, while the client reads.
            .channelOption(.socketOption(.so_rcvbuf), value: 256 << 10)
            .connect(to: server.address) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        let handler = try NIOSSLClientHandler(context: context, serverHostname: nil)
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: true)
                    )
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            let connection = TestConnection(
                outbound: outbound,
                iterator: inbound.makeAsyncIterator(),
                channel: channel.channel
            )
            return try await body(connection)
        }
    }

    /// Connects, logs in without a token, and goes on.
    static func loggedIn<Result>(
        _ server: PortServer,
        _ body: (TestConnection) async throws -> Result
    ) async throws -> Result {
        try await with(server) { connection in
            try await connection.send(startupPacket())
            try await connection.expectLogin()
            return try await body(connection)
        }
    }

    /// Opens a stream with START_WAL_PUSH.
    static func streaming<Result>(
        _ server: PortServer,
        _ body: (TestConnection) async throws -> Result
    ) async throws -> Result {
        try await loggedIn(server) { connection in
            try await connection.send(frames(.query("START_WAL_PUSH")))
            guard try await connection.message()?.tag == "W" else { throw TestConnectionError.unexpected }
            return try await body(connection)
        }
    }

    private init(
        outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>,
        iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
        channel: any Channel
    ) {
        self.outbound = outbound
        self.iterator = iterator
        self.channel = channel
    }

    private static func clientContext() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        configuration.applicationProtocols = ["postgresql"]
        return try NIOSSLContext(configuration: configuration)
    }

    func send(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
    }

    /// Ends our side.
    func finishSending() {
        outbound.finish()
    }

    func expectLogin() async throws {
        while true {
            guard let message = try await message() else { throw TestConnectionError.unexpected }
            if message.tag == "Z" { return }
            guard message.tag == "R" || message.tag == "S" else { throw TestConnectionError.unexpected }
        }
    }

    /// The next message; nil at the end of the connection, be it a gentle one or not.
    func message() async throws -> Message? {
        guard try await fill(5), let tag: UInt8 = received.readInteger(), let length: UInt32 = received.readInteger()
        else { return nil }
        let size = Int(length) - 4
        guard try await fill(size), let body = received.readBytes(length: size) else { return nil }
        return Message(tag: Character(Unicode.Scalar(tag)), body: body)
    }

    /// A byte that is no message.
    func byte() async throws -> UInt8? {
        try await fill(1) ? received.readInteger() : nil
    }

    /// Passes over bytes.
    func skip(_ count: Int) async throws {
        guard try await fill(count) else { throw TestConnectionError.unexpected }
        received.moveReaderIndex(forwardBy: count)
        received.discardReadBytes()
    }

    /// All bytes up to the end.
    func rest() async throws -> [UInt8] {
        while try await more() {}
        return received.readBytes(length: received.readableBytes) ?? []
    }

    /// The text of the error that follows, after which the connection has to end.
    func lastError() async throws -> String? {
        guard let message = try await message(), message.tag == "E" else { return nil }
        guard try await self.message() == nil else { return nil }
        return message.errorText
    }

    private func fill(_ count: Int) async throws -> Bool {
        while received.readableBytes < count {
            guard try await more() else { return false }
        }
        return true
    }

    private func more() async throws -> Bool {
        do {
            guard var next = try await iterator.next() else { return false }
            received.writeBuffer(&next)
            return true
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            return false
        }
    }
}

extension TestConnection.Message {
    /// The text of an error.
    var errorText: String? {
        guard let start = body.firstIndex(of: UInt8(ascii: "M")) else { return nil }
        return String(decoding: body[(start + 1)...].prefix { $0 != 0 }, as: UTF8.self)
    }
}

enum TestConnectionError: Error {
    case unexpected
}
