/// A connection to a PostgreSQL server, or to something that speaks its protocol, by libpq.
///
/// ```
/// let connection = try await PostgresConnection(
///     "host=127.0.0.1 port=5454 dbname=replication",
///     parameters: [("options", "-c timeline_id=… tenant_id=…")]
/// )
/// try await connection.startCopy("START_REPLICATION PHYSICAL 0/14EE150")
/// while let message = try await connection.receive() { … }
/// ```
///
/// Connection strings, TLS, passwords and all other options are libpq's, as are the texts of errors. Each connection has
/// a thread of its own or shares a ``ConnectionLoop``, so nothing here blocks the caller's thread; functions suspend.
///
/// A connection is used in this order: any number of queries, one at a time, and then at most one COPY in both
/// directions. During a COPY one task may receive while others send. Both directions are bounded: at most 512 KiB and one
/// message for each sender wait to be sent, then senders wait; at most 4 MiB and one message wait to be received, then
/// nothing more is read from the socket.
///
/// A task that is cancelled while it waits for the connection closes it, be it for room to send. It closes as well when
/// the last reference goes.
public final class PostgresConnection: Sendable {
    /// The server's version, such as 150010; 0 if it did not tell one.
    public let serverVersion: Int
    private let mailbox: Mailbox

    /// Connects.
    ///
    /// - Parameters:
    ///   - connectionString: As libpq takes it, `key=value …` or a URI.
    ///   - parameters: Further ones by libpq's names; they override what the connection string says.
    ///   - timeout: The longest it may take, with all hosts that the connection string names, and without the looking
    ///     up of their names, for which the resolver has limits of its own. Cancelling ends the wait at once in any case.
    ///   - loop: Whose thread serves the connection, if not one of its own.
    /// - Throws: ``PostgresClientError``.
    public init(
        _ connectionString: String,
        parameters: [(name: String, value: String)] = [],
        timeout: Duration = .seconds(10),
        on loop: ConnectionLoop? = nil
    ) async throws(PostgresClientError) {
        let mailbox = try Mailbox()
        self.mailbox = mailbox
        let thread = ConnectingThread(
            mailbox: mailbox,
            loop: loop,
            connectionString: connectionString,
            parameters: parameters,
            timeout: timeout
        )
        let result = await mailbox.connected { thread.start() }
        serverVersion = try result.get()
    }

    deinit {
        mailbox.close()
    }

    /// Runs a query by the simple protocol and gives the answer; of several, the first one.
    ///
    /// An error of the server leaves the connection usable; after a timeout it is closed. Not during a COPY.
    /// - Throws: ``PostgresClientError``.
    @discardableResult
    public func query(_ text: String, timeout: Duration? = .seconds(30)) async throws(PostgresClientError)
        -> PostgresResult
    {
        try await mailbox.run(text, timeout: timeout, startsCopy: false).get()
    }

    /// Runs a command that starts a COPY in both directions, and returns when it has begun.
    /// - Throws: ``PostgresClientError``.
    public func startCopy(_ command: String, timeout: Duration? = .seconds(30)) async throws(PostgresClientError) {
        _ = try await mailbox.run(command, timeout: timeout, startsCopy: true).get()
    }

    /// The next message of the COPY; nil once the other side has ended it properly.
    ///
    /// Only one task may wait for messages.
    /// - Throws: ``PostgresClientError``; the server's own error if it has sent one before it closed the connection.
    public func receive() async throws(PostgresClientError) -> CopyData? {
        try await mailbox.receive()
    }

    /// Sends a message of the COPY; returns when it is queued, which is at once unless the queue is full.
    /// - Throws: ``PostgresClientError`` if the connection has ended.
    public func send(_ message: [UInt8]) async throws(PostgresClientError) {
        try await mailbox.send(message)
    }

    /// Whether a message would be queued, or refused, without a wait.
    public var hasRoomToSend: Bool { mailbox.hasRoomToSend }

    /// Sends a message of the COPY if there is room for it in the queue now; false if there is none.
    /// - Throws: ``PostgresClientError`` if the connection has ended.
    public func trySend(_ message: [UInt8]) throws(PostgresClientError) -> Bool {
        try mailbox.trySend(message)
    }

    /// Tells the other side, after what is queued, that no more messages come.
    public func endCopy() {
        mailbox.endOutgoing()
    }

    /// Closes the connection; what has not been sent is dropped, and everybody who waits gets
    /// ``PostgresClientError/closed``.
    public func close() {
        mailbox.close()
    }
}
