internal import Logging
internal import NIOCore
internal import ReplicationProtocol
internal import ServerSupport

/// What is done in the task of each connection: tokens are judged, commands run.
struct PortConnectionTasks: Sendable {
    let configuration: PortConfiguration
    let handler: any PortHandler
    let logger: Logger

    /// Returns when the connection is closed.
    func serve(_ transport: PortTransport) async {
        let number = configuration.connectionNumbers.next()
        let peer = transport.channel.remoteAddress.map(\.text) ?? "unknown"
        var logger = logger
        logger[metadataKey: "cid"] = "\(number)"
        logger[metadataKey: "peer"] = "\(peer)"
        while let request = await transport.nextRequest() {
            switch request {
            case .verify(let token): verify(token, for: transport, logger)
            case .run(let command): await run(command, number: number, peer: peer, transport, logger)
            }
        }
        if Task.isCancelled { transport.close(reason: "server shuts down") }
        let reason = await transport.closed()
        logger.info("connection handler exited", metadata: ["reason": "\(reason)"])
    }

    private func verify(_ token: String, for transport: PortTransport, _ logger: Logger) {
        guard let verifier = configuration.tokenVerifier else { return transport.close(reason: "no keys") }
        do {
            let claims = try verifier.verify(token, at: Self.now())
            transport.tell { $0.tokenAccepted(claims) }
        } catch {
            logger.warning("authentication error", metadata: ["reason": "\(error)"])
            transport.tell { $0.tokenRefused(error) }
        }
    }

    private func run(
        _ command: PortCommand,
        number: UInt64,
        peer: String,
        _ transport: PortTransport,
        _ logger: Logger
    ) async {
        let metadata: Logger.Metadata = [
            "ttid": "\(command.tenant)/\(command.timeline)",
            "application_name": "\(command.client.applicationName ?? "")",
            "query": "\(command.command)",
        ]
        logger.info("got query", metadata: metadata)
        let connection = PortConnection(
            number: number,
            peer: peer,
            client: command.client,
            tenant: command.tenant,
            timeline: command.timeline,
            transport: transport
        )
        let outcome: CommandOutcome
        do {
            try await handler.handle(command.command, on: connection)
            outcome = .succeeded
        } catch is CancellationError where Task.isCancelled {
            outcome = .closesSilently(reason: "server shuts down")
        } catch {
            outcome = CommandOutcome(failure: error)
            // What the client did wrong is its business; a disk that fails is ours.
            let isOurs = (error as? any StorageCaused)?.storageError != nil
            let reason = metadata.merging(["reason": "\(error)"]) { $1 }
            logger.log(level: isOurs ? .error : .info, "query handler has ended", metadata: reason)
        }
        transport.tell { $0.commandEnded(outcome) }
    }

    /// Seconds since 1970.
    private static func now() -> Double {
        let now = ControlFile.Timestamp.now
        return Double(now.seconds) + Double(now.nanoseconds) / 1e9
    }
}
