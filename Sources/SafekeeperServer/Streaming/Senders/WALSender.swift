package import Logging
package import NIOCore
internal import PostgresWAL
package import ReplicationProtocol
internal import ShardIdentity

/// One receiver's stream, from START_REPLICATION to its end.
///
/// ```
/// connection ─▶ replies ─▶ WALSenders ─▶ proposers, removal of WAL
/// connection ◀─ writer  ◀─ raw: WALSource;  interpreted: WALFanOut by way of a ShardQueue
/// ```
/// The stream ends as soon as either direction does.
///
/// Source: `replication-protocol.md` §4, §5.
package struct WALSender: Sendable {
    /// What is known of a receiver before its stream begins.
    package struct Client: Sendable {
        /// The number of its connection.
        package var connection: UInt64
        /// The address of its client.
        package var address: String
        /// What it calls itself.
        package var applicationName: String?
        /// How it wants WAL, and for which shard.
        package var receiver: SafekeeperStartupOptions.Receiver
        /// From where, and which.
        package var request: StartReplication

        package init(
            connection: UInt64,
            address: String,
            applicationName: String?,
            receiver: SafekeeperStartupOptions.Receiver,
            request: StartReplication
        ) {
            self.connection = connection
            self.address = address
            self.applicationName = applicationName
            self.receiver = receiver
            self.request = request
        }
    }

    /// How a stream has ended, other than by an error.
    package enum Ending: Hashable, Sendable {
        /// The receiver has said that it ends.
        case finished
        /// The receiver has everything, and nobody is there to write more; the text is for the receiver.
        case caughtUp(String)
    }

    /// Silence after which a sign of life is sent.
    package static let keepAliveInterval = Duration.seconds(1)

    let timeline: Timeline
    let client: Client
    let logger: Logger

    var time: any TimeSource { timeline.time }
    var senders: WALSenders { timeline.streaming.senders }
    var metrics: StreamingMetrics { timeline.metrics.streaming }

    /// - Parameters:
    ///   - timeline: the timeline, which must be in use for as long as the stream lasts.
    ///   - client: what is known of the receiver.
    ///   - logger: where to tell what happens.
    package init(of timeline: Timeline, to client: Client, logger: Logger) {
        self.timeline = timeline
        self.client = client
        self.logger = logger
    }

    /// Serves the stream until it ends.
    ///
    /// - Parameters:
    ///   - messages: what comes in, each element the payload of a CopyData.
    ///   - send: sends payloads, one call after the other, and waits while the receiver is behind.
    /// - Returns: how it has ended.
    /// - Throws: ``FanOutError``, ``WALReadError``, ``ShardStreamEnd``, `WALStreamMessageError` and others whose text is for
    ///   the receiver; what `messages` and `send` throw.
    package func run<Messages: AsyncSequence & Sendable>(
        messages: Messages,
        send: @escaping @Sendable ([ByteBuffer]) async throws -> Void
    ) async throws -> Ending where Messages.Element == ByteBuffer {
        let key = senders.add(
            WALSenders.Entry(
                connection: client.connection,
                address: client.address,
                applicationName: client.applicationName,
                shard: client.shard,
                start: client.request.start,
                position: client.request.start
            )
        )
        defer { senders.remove(key) }
        return try await withThrowingTaskGroup(of: Ending.self) { group in
            group.addTask {
                try await takeReplies(messages, key)
                return .finished
            }
            group.addTask {
                switch client.receiver {
                case .vanilla: try await sendRaw(key, send)
                case .interpreted(let form, let shard): try await sendInterpreted(form, shard, key, send)
                }
            }
            defer { group.cancelAll() }
            guard let ending = try await group.next() else { preconditionFailure("a stream without directions") }
            return ending
        }
    }

    private func takeReplies<Messages: AsyncSequence>(
        _ messages: Messages,
        _ key: WALSenders.Key
    ) async throws where Messages.Element == ByteBuffer {
        for try await payload in messages {
            let reply = try WALStreamReply(decoding: payload.readableBytesSpan)
            if case .ignored(let tag) = reply {
                logger.debug("unknown reply is passed over", metadata: ["tag": "\(tag.map(String.init) ?? "none")"])
            }
            if let horizon = senders.received(reply, from: key) {
                try await timeline.withState { $0.raise(remoteConsistent: horizon) }
            }
        }
        // What comes in may just end when the task is cancelled.
        try Task.checkCancellation()
    }

    /// How far a stream goes.
    var extent: WALExtent { client.request.term.map(WALExtent.flushed) ?? .committed }

    /// A sign of life, with the end of the WAL as it is now.
    func keepAlive() throws(WALReadError) -> ByteBuffer {
        let end = try extent.end(in: timeline.watch.current)
        return ByteBuffer {
            KeepAlive(walEnd: end, time: time.postgresTimestamp, replyRequested: true).encode(into: &$0)
        }
    }

    /// The text for a receiver that has everything.
    func caughtUp(at position: LSN) -> Ending {
        let name = client.applicationName.map { "Some(\"\($0)\")" } ?? "None"
        return .caughtUp(
            "ending streaming to \(name) at \(position), receiver is caughtup and there is no computes"
        )
    }
}

extension WALSender.Client {
    /// The receiver's shard; nil if it gets raw WAL.
    fileprivate var shard: ShardIdentity? {
        switch receiver {
        case .vanilla: nil
        case .interpreted(_, let shard): shard
        }
    }
}
