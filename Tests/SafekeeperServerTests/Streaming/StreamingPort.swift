import Dispatch
import InterpretedWAL
import NIOCore
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity
import Testing

/// Runs a port in front of a safekeeper for the time of a call.
func withPort<Result: Sendable>(
    of safekeeper: TestSafekeeper,
    _ change: (inout PortConfiguration) -> Void = { _ in },
    _ body: @Sendable (PortServer) async throws -> Result
) async throws -> Result {
    var configuration = PortConfiguration(host: "127.0.0.1", port: 0)
    change(&configuration)
    let handler = SafekeeperPortHandler(registry: safekeeper.registry, logger: safekeeper.log.logger)
    let server = try await PortServer.bind(configuration, handler: handler, logger: safekeeper.log.logger)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run() }
        let result = try await body(server)
        group.cancelAll()
        try await group.waitForAll()
        return result
    }
}

/// Does something that blocks, on a thread of its own.
func blocking<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Swift.Result { try body() }) }
    }
}

extension TenantTimelineID {
    /// What a client names this timeline with.
    var startupOptions: String { "-c timeline_id=\(timeline) tenant_id=\(tenant)" }
}

extension WireFormat {
    /// What a client asks for this form with.
    var startupOption: String {
        let compression =
            switch self.compression {
            case nil: "null"
            case .zstd(let level): "{\"zstd\":{\"level\":\(level)}}"
            }
        return "protocol={\"type\":\"interpreted\",\"args\":{\"format\":\"\(format.rawValue)\","
            + "\"compression\":\(compression)}}"
    }
}

extension ShardIdentity {
    /// What a client names this shard with.
    var startupOption: String {
        "shard_count=\(count) shard_number=\(number) shard_stripe_size=\(stripeSize)"
    }
}

extension TestConnection {
    /// Connects, logs in, and starts a stream; the first message is that of COPY.
    static func streaming<Result>(
        _ server: PortServer,
        _ options: String,
        _ command: String,
        applicationName: String = "pageserver-1",
        _ body: (TestConnection) async throws -> Result
    ) async throws -> Result {
        try await with(server) { connection in
            try await connection.send(startupPacket(options: options, applicationName: applicationName))
            try await connection.expectLogin()
            try await connection.send(frames(.query(command)))
            guard try await connection.message()?.tag == "W" else { throw TestConnectionError.unexpected }
            return try await body(connection)
        }
    }

    /// The next message of a stream, and what is behind its header.
    func streamMessage() async throws -> (WALStreamMessage, [UInt8]) {
        guard let frame = try await message(), frame.tag == "d" else { throw TestConnectionError.unexpected }
        let message = try WALStreamMessage(decoding: frame.body.span.bytes)
        return (message, Array(frame.body[message.payloadRange(in: frame.body.count)]))
    }

    func reply(_ reply: WALStreamReply) async throws {
        var output = OutputBuffer()
        reply.encode(into: &output)
        try await send(frame("d", output.array))
    }

    /// Takes interpreted WAL until a checker has all up to a position, and gives feedback as pageservers do.
    func receive(into checker: inout StreamChecker, form: WireFormat, upTo end: LSN) async throws {
        while !checker.isComplete(upTo: end) {
            let (message, body) = try await streamMessage()
            guard case .interpretedRecords(let header) = message else { continue }
            try checker.receive(ShardMessage(header, body, form), available: end)
            try await reply(.pageserverFeedback(PageserverFeedback(lastReceived: header.streaming)))
        }
    }

    /// Takes raw WAL until there is all up to a position.
    func wal(from start: LSN, to end: LSN) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while start + UInt64(bytes.count) < end {
            guard case (.xLogData(let header), let wal) = try await streamMessage() else { continue }
            guard header.start == start + UInt64(bytes.count) else { throw TestConnectionError.unexpected }
            bytes += wal
        }
        return bytes
    }
}
