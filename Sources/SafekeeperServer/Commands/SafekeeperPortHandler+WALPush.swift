internal import InterpretedWAL
internal import Logging
internal import NIOCore
internal import ReplicationProtocol

extension SafekeeperPortHandler {
    /// Takes WAL from a proposer, until it or the timeline is through.
    ///
    /// COPY begins before anything about the timeline is checked, as proposers expect it.
    /// Source: `safekeeper-core.md` §1.1, §1.2.
    func takeWAL(_ options: WALPushOptions, of id: TenantTimelineID, on connection: PortConnection) async throws {
        let stream = try await connection.copyBoth()
        guard let version = options.protocolVersion else {
            var messages = stream.makeAsyncIterator()
            guard try await messages.next() != nil else { return }
            throw UnsupportedProtocol(number: options.protocolNumber)
        }
        var logger = logger
        logger[metadataKey: "cid"] = "\(connection.number)"
        let acceptor = WALAcceptor(
            registry: registry,
            connection: WALAcceptor.Connection(
                id: id,
                version: version,
                allowsCreation: options.allowsTimelineCreation,
                number: connection.number
            ),
            logger: logger
        )
        let ending: WALAcceptor.Ending
        do throws(WALAcceptorError) {
            // Receiving and answering is little work; the timeline has a thread of its own for the rest.
            ending = try await withTaskExecutorPreference(connection.executor) { () throws(WALAcceptorError) in
                try await acceptor.run(messages: stream) { messages in
                    try await stream.send(contentsOf: messages.map { Self.payload(of: $0, version) })
                }
            }
        } catch .connection(let error) {
            // The port knows best how the client has ended its side, and tells it.
            logger.info("connection of a proposer has failed", metadata: ["ttid": "\(id)", "error": "\(error)"])
            return
        }
        try Task.checkCancellation()
        switch ending {
        case .finished: return
        case .timelineCancelled: throw ConnectionEnding.silently(reason: "timeline was cancelled")
        case .timelineNotFound: throw ConnectionEnding.silently(reason: "timeline not found")
        }
    }

    private static func payload(of message: AcceptorMessage, _ version: ConsensusProtocolVersion) -> ByteBuffer {
        var output = OutputBuffer()
        message.encode(into: &output, version: version)
        var payload = ByteBuffer()
        payload.writeBytes(output.bytes)
        return payload
    }
}

/// A number of the consensus protocol that is not spoken.
struct UnsupportedProtocol: Error, CustomStringConvertible {
    let number: UInt32

    var description: String { "unsupported protocol version \(number)" }
}
