internal import Logging
internal import NIOCore
package import ReplicationProtocol
package import ShardIdentity

/// A client's connection, as the command that it wants to be run sees it.
package struct PortConnection: Sendable {
    /// The number of the connection; no other one of its ``ConnectionNumbers`` has it.
    package let number: UInt64
    /// The client's address.
    package let peer: String
    /// What the client has said of itself.
    package let client: PortClient
    /// The tenant that the client has named.
    package let tenant: TenantID
    /// The timeline that the client has named.
    package let timeline: TimelineID
    let transport: PortTransport

    /// Gives the command's answer: rows, and that it is complete.
    ///
    /// That the next command may come is told by the port when the handler is through, so `readyForQuery` among the
    /// messages makes no difference. Throws ``PortConnectionError/closed`` if the connection is over.
    package func answer(_ messages: [BackendMessage]) async throws {
        try await transport.answer { $0.commandAnswers(messages) }
    }

    /// Runs tasks on the thread of the connection's event loop; they must not block.
    package var executor: any TaskExecutor { EventLoopTaskExecutor(transport.channel.eventLoop) }

    /// Tells the client that both sides send from here on, and gives the stream.
    ///
    /// The connection ends with the handler then. Throws ``PortConnectionError/closed`` if it is over already, or the
    /// command has been answered.
    package func copyBoth() async throws -> CopyBothStream {
        try await transport.answer { $0.commandStartsCopy() }
        return CopyBothStream(transport: transport)
    }
}

/// What can't be done with a connection.
package enum PortConnectionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It is over, or was not begun, or was ended by an answer.
    case closed
    /// Two tasks read from one stream.
    case readTwice

    /// The message.
    package var description: String {
        switch self {
        case .closed: "the connection to the client is over"
        case .readTwice: "two tasks read from one stream"
        }
    }
}
