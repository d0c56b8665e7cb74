internal import InterpretedWAL
internal import PostgresClient
internal import PostgresWAL
internal import ReplicationProtocol

/// The PostgreSQL server whose WAL is pushed: what it says of itself, and its stream.
struct SourceServer: Sendable {
    /// What must not change while WAL is pushed, and how far its WAL is durable.
    struct Identity: Hashable, Sendable {
        /// The system identifier.
        var systemID: UInt64
        /// The number of the version, such as 150010.
        var version: Int
        /// The size of WAL segments in bytes.
        var segmentSize: WALSegmentSize
        /// Up to where WAL is durable on the server.
        var flush: LSN

        /// Version and segment size, in words.
        var text: String { "PostgreSQL \(version / 10_000), WAL segments of \(segmentSize.bytes >> 20) MB" }
    }

    let connectionString: String
    let slot: String?
    /// Whose thread serves the connection that WAL comes on.
    let loop: ConnectionLoop

    /// Makes a connection for replication and asks the server who it is.
    func connect() async throws -> (PostgresConnection, Identity) {
        let connection = try await PostgresConnection(
            connectionString,
            parameters: [("replication", "true"), ("fallback_application_name", WALPushConfiguration.applicationName)],
            on: loop
        )
        return (connection, try await identify(connection))
    }

    /// Makes a connection that only reads: it never tells that WAL is durable, whatever `synchronous_standby_names` is.
    func connectReader() async throws(PostgresClientError) -> PostgresConnection {
        try await PostgresConnection(
            connectionString,
            parameters: [
                ("replication", "true"), ("application_name", "\(WALPushConfiguration.applicationName) catch-up"),
            ]
        )
    }

    private func identify(_ connection: PostgresConnection) async throws -> Identity {
        let command = ReplicationCommand.identifySystem.description
        let answer = try await connection.query(command)
        guard let systemID = answer.first("systemid").flatMap({ UInt64($0) }),
            let timeline = answer.first("timeline").flatMap({ UInt32($0) }),
            let flush = answer.first("xlogpos").flatMap({ LSN($0) })
        else { throw WALPushError.unexpectedAnswer(command: command, answer: "\(answer.rows)") }
        let version = connection.serverVersion
        guard ProposerGreeting.serverVersionNumbers.contains(UInt32(clamping: version)) else {
            throw WALPushError.unsupportedVersion(version)
        }
        guard timeline == 1 else { throw WALPushError.postgresTimeline(timeline, systemID: systemID) }
        let show = ReplicationCommand.show(name: "wal_segment_size").description
        let size = try await connection.query(show).first("wal_segment_size") ?? ""
        guard let bytes = Self.bytes(size), let segmentSize = WALSegmentSize(bytes: bytes) else {
            throw WALPushError.unexpectedAnswer(command: show, answer: size)
        }
        return Identity(systemID: systemID, version: version, segmentSize: segmentSize, flush: flush)
    }

    /// The number of bytes that PostgreSQL means by `16MB`.
    static func bytes(_ text: String) -> UInt64? {
        let units: [(String, UInt64)] = [("kB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30), ("B", 1)]
        for (unit, size) in units where text.hasSuffix(unit) {
            guard let number = UInt64(text.dropLast(unit.count)) else { return nil }
            let (bytes, overflow) = number.multipliedReportingOverflow(by: size)
            return overflow ? nil : bytes
        }
        return nil
    }

    // MARK: - Creation

    /// Makes the slot if there is one to be used and it is not there.
    func createSlot(_ connection: PostgresConnection) async throws {
        guard let slot else { return }
        do {
            try await connection.query("CREATE_REPLICATION_SLOT \(Self.quoted(slot)) PHYSICAL RESERVE_WAL")
        } catch {
            guard case .server(let message, let code) = error else { throw error }
            // It may be there already.
            if code != "42710" { throw WALPushError.slot(slot, server: message) }
        }
    }

    /// Where the server's last checkpoint begins: a record starts there, and the WAL from there on is kept.
    ///
    /// Asked for in SQL, for which a connection for replication is no use.
    func checkpointStart() async throws(WALPushError) -> LSN {
        var lastError = PostgresClientError.closed
        for parameters in [[], [("dbname", "postgres")]] {
            do throws(PostgresClientError) {
                let connection = try await PostgresConnection(
                    connectionString,
                    parameters: [("replication", "false")] + parameters
                )
                let answer = try await connection.query("select redo_lsn from pg_catalog.pg_control_checkpoint()")
                guard let start = answer.first("redo_lsn").flatMap({ LSN($0) }), start.isValid else {
                    throw .unexpectedAnswer("\(answer.rows)")
                }
                return start
            } catch {
                lastError = error
            }
        }
        throw .noStart("\(lastError)")
    }

    // MARK: - Streaming

    /// Starts to stream WAL.
    func start(_ connection: PostgresConnection, at position: LSN) async throws(PostgresClientError) {
        let slot = slot.map { "SLOT \(Self.quoted($0)) " } ?? ""
        try await connection.startCopy("START_REPLICATION \(slot)PHYSICAL \(position) TIMELINE 1")
    }

    /// How far WAL is durable, as a standby would say it.
    static func status(_ commit: LSN, wantsReply: Bool = false) -> [UInt8] {
        var buffer = OutputBuffer(minimumCapacity: 34)
        let status = StandbyStatus(
            write: commit,
            flush: commit,
            apply: commit,
            time: .now,
            replyRequested: wantsReply
        )
        WALStreamReply.standbyStatus(status).encode(into: &buffer)
        return buffer.array
    }

    private static func quoted(_ name: String) -> String {
        "\"\(name.replacing("\"", with: "\"\""))\""
    }
}
