internal import Logging
internal import NIOCore
internal import ReplicationProtocol

extension SafekeeperPortHandler {
    /// Sends WAL until the client, the timeline or the WAL is through.
    ///
    /// A timeline that isn't there is told before the stream begins, everything else in it.
    /// Source: `replication-protocol.md` §2.3, §4.9.
    func sendWAL(_ request: StartReplication, of id: TenantTimelineID, on connection: PortConnection) async throws {
        var logger = logger
        logger[metadataKey: "cid"] = "\(connection.number)"
        logger[metadataKey: "ttid"] = "\(id)"
        let client = WALSender.Client(
            connection: connection.number,
            address: connection.peer,
            applicationName: connection.client.applicationName,
            receiver: connection.client.options.receiver,
            request: request
        )
        logger.info("starting streaming", metadata: ["from": "\(request.start)", "to": "\(connection.peer)"])
        let ending: WALSender.Ending
        do {
            ending = try await registry.withTimeline(id) { [logger] timeline in
                let stream = try await connection.copyBoth()
                return try await WALSender(of: timeline, to: client, logger: logger)
                    .run(messages: stream) { try await stream.send(contentsOf: $0) }
            }
        } catch TimelineError.cancelled where !Task.isCancelled {
            throw ConnectionEnding.silently(reason: "timeline was cancelled")
        } catch let error as CopyStreamError {
            // The port knows best how the client has ended its side, and tells it.
            logger.info("client has ended its stream", metadata: ["error": "\(error)"])
            return
        } catch PortConnectionError.closed {
            throw ConnectionEnding.silently(reason: "connection to the client is lost")
        }
        try Task.checkCancellation()
        switch ending {
        case .finished:
            return
        case .caughtUp(let text):
            logger.info("\(text)")
            throw ConnectionEnding.with(ErrorResponse(text, state: .successfulCompletion))
        }
    }
}
