package import ReplicationProtocol

/// What is behind a port: it runs the commands of clients.
package protocol PortHandler: Sendable {
    /// Runs a command, any but the setting of the date style.
    ///
    /// The client may run it as far as its token goes. It gives its answer with ``PortConnection/answer(_:)``, or opens
    /// a stream with ``PortConnection/copyBoth()``. An error thrown is told to the client by its description, see
    /// ``ConnectionEnding`` for others; without a stream the session then goes on, with one it ends. Where the handler
    /// just returns from a stream, the client's own end of it decides what it is told.
    ///
    /// The task is cancelled when the server shuts down. It is not when the client is lost: who wants to notice that
    /// has to read from the stream.
    /// Source: `safekeeper-core.md` §1.1, `replication-protocol.md` §1.7, §4.9.
    func handle(_ command: ReplicationCommand, on connection: PortConnection) async throws
}

/// An end of a command that is no failure.
package enum ConnectionEnding: Error, Hashable, Sendable {
    /// Close without a word; the reason is for the log.
    case silently(reason: String)
    /// Send this error; for a stream that ends on purpose.
    case with(ErrorResponse)
}

extension CommandOutcome {
    init(failure: any Error) {
        self =
            switch failure {
            case ConnectionEnding.silently(let reason): .closesSilently(reason: reason)
            case ConnectionEnding.with(let response): .failed(response)
            default: .failed(ErrorResponse("\(failure)"))
            }
    }
}
