internal import PostgresClient
internal import PostgresWAL
internal import ReplicationProtocol

/// Reads WAL that is not in memory any more, for one safekeeper that lags: from the server, or from another safekeeper.
///
/// It streams on as long as one piece follows the other; the stream's own bound keeps it from reading far ahead.
actor WALReader {
    /// Where WAL is read from.
    enum Origin: Sendable {
        case server(SourceServer)
        /// A safekeeper, which serves us as long as it is in this term.
        case safekeeper(SafekeeperServerAddress, term: Term)
    }

    /// Why WAL could not be read.
    struct Failure: Error, CustomStringConvertible {
        let description: String
        /// Whether the other side has said that it does not have it any more.
        var isRemoved = false
    }

    /// How long the other side may be silent while WAL is wanted that it has.
    private static let patience = Duration.seconds(10)

    private let origin: Origin
    private var connection: PostgresConnection?
    /// Where the stream goes on, the rest of the last message included.
    private var position = LSN.invalid
    private var rest: (message: CopyData, offset: Int)?

    init(_ origin: Origin) {
        self.origin = origin
    }

    /// The WAL of a range, which exists.
    func read(_ range: Range<LSN>) async throws(Failure) -> [UInt8] {
        do {
            if connection == nil || position != range.lowerBound { try await start(at: range.lowerBound) }
            var bytes: [UInt8] = []
            let count = Int(range.upperBound.distance(from: range.lowerBound) ?? 0)
            bytes.reserveCapacity(count)
            while bytes.count < count {
                if rest == nil { try await receive() }
                guard let (message, offset) = rest else { continue }
                let part = min(message.count - offset, count - bytes.count)
                message.withUnsafeBytes { bytes.append(contentsOf: $0[offset..<offset + part]) }
                rest = offset + part < message.count ? (message, offset + part) : nil
                position += UInt64(part)
            }
            return bytes
        } catch let error as Failure {
            close()
            throw error
        } catch PostgresClientError.server(let message, let state) {
            close()
            throw Failure(description: message, isRemoved: state == "58P01")
        } catch {
            close()
            throw Failure(description: "\(error)")
        }
    }

    /// Ends the stream; a later read makes a new one.
    func close() {
        connection?.close()
        connection = nil
        rest = nil
    }

    private func start(at start: LSN) async throws {
        close()
        let new: PostgresConnection
        let command: String
        switch origin {
        case .server(let source):
            new = try await source.connectReader()
            command = "START_REPLICATION PHYSICAL \(start) TIMELINE 1"
        case .safekeeper(let safekeeper, let term):
            new = try await safekeeper.connect(applicationName: "wal_proposer_recovery")
            command = ReplicationCommand.startReplication(StartReplication(start: start, term: term)).description
        }
        connection = new
        try await new.startCopy(command)
        position = start
    }

    /// Takes the next message with WAL.
    private func receive() async throws {
        guard let connection else { throw Failure(description: "the connection is closed") }
        // Closing it ends the wait.
        let watch = Task {
            try await Task.sleep(for: Self.patience)
            connection.close()
        }
        defer { watch.cancel() }
        while rest == nil {
            guard let data = try await connection.receive() else { throw Failure(description: "the stream has ended") }
            let message = try WALStreamMessage(decoding: data.bytes)
            switch message {
            case .xLogData(let header):
                guard header.start == position else {
                    throw Failure(description: "WAL at \(header.start) instead of \(position)")
                }
                let offset = message.payloadRange(in: data.count).lowerBound
                if offset < data.count { rest = (data, offset) }
            case .keepAlive(let life):
                // Nothing is durable as far as this connection is concerned.
                if life.replyRequested { try await connection.send(SourceServer.status(.invalid)) }
            case .interpretedRecords:
                throw Failure(description: "interpreted records instead of WAL")
            }
        }
    }
}

/// A safekeeper, and for whom it is asked.
struct SafekeeperServerAddress: Sendable {
    let host: String
    let port: String
    let startupOptions: String
    let token: String?

    /// - Parameters:
    ///   - address: `host:port`.
    ///   - configuration: tenant, timeline and token.
    init(_ address: String, _ configuration: WALPushConfiguration) {
        let colon = address.lastIndex(of: ":") ?? address.endIndex
        // An IPv6 address is written in brackets, which libpq does not want.
        host = String(address[..<colon].filter { $0 != "[" && $0 != "]" })
        port = String(address[colon...].dropFirst())
        startupOptions = SafekeeperStartupOptions(tenant: configuration.tenant, timeline: configuration.timeline)
            .text(namesProtocol: false)
        token = configuration.token
    }

    /// Connects; with a loop, its thread serves the connection.
    func connect(
        applicationName: String,
        on loop: ConnectionLoop? = nil
    ) async throws(PostgresClientError) -> PostgresConnection {
        var parameters = [
            ("host", host), ("port", port), ("user", "walproposer"), ("dbname", "replication"),
            ("application_name", applicationName), ("options", startupOptions), ("gssencmode", "disable"),
        ]
        if let token { parameters.append(("password", token)) }
        return try await PostgresConnection("", parameters: parameters, on: loop)
    }
}
