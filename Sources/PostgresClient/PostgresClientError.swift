/// Why something did not work on a connection to a PostgreSQL server, or to something that speaks its protocol.
///
/// After any of these the connection is of no use any more, except after ``server(message:sqlState:)`` for a query.
public enum PostgresClientError: Error, Hashable, Sendable {
    /// No connection could be made; libpq's message.
    case connectionFailed(message: String)
    /// The server has refused something: its message, and its code of five characters if it sent one.
    case server(message: String, sqlState: String?)
    /// The connection is lost; libpq's message.
    case connectionLost(message: String)
    /// It took longer than allowed.
    case timeout(Operation, Duration)
    /// The server has answered with something else than was asked for.
    case unexpectedAnswer(String)
    /// The connection was closed on this side.
    case closed
    /// The task was cancelled, and the connection closed with it.
    case cancelled
    /// A thread for the connection could not be made; the error number.
    case noThread(Int32)
    /// There are no file descriptors for the connection; the error number.
    case noDescriptor(Int32)

    /// What can take too long.
    public enum Operation: String, Hashable, Sendable {
        case connecting = "connecting"
        case query = "a query"
    }
}

extension PostgresClientError: CustomStringConvertible {
    /// What happened, in words.
    public var description: String {
        switch self {
        case .connectionFailed(let message), .connectionLost(let message): message
        case .server(let message, let sqlState): sqlState.map { "\(message) (\($0))" } ?? message
        case .timeout(let operation, let duration): "\(operation.rawValue) took longer than \(duration)"
        case .unexpectedAnswer(let answer): "unexpected answer: \(answer)"
        case .closed: "the connection is closed"
        case .cancelled: "cancelled"
        case .noThread(let code): "no thread for the connection (error \(code))"
        case .noDescriptor(let code): "no file descriptor for the connection (error \(code))"
        }
    }
}
