internal import Glibc
internal import PostgresClient
internal import PostgresWAL
internal import ReplicationProtocol

/// How a pageserver connects to a safekeeper, and what it asks first.
enum SafekeeperConnection {
    /// Connects for a shard.
    ///
    /// Source: `replication-protocol.md` §1.3, §1.6.
    static func connect(
        to safekeeper: Safekeeper,
        _ target: ReceiverTarget,
        _ configuration: ReceiverConfiguration
    ) async throws(PostgresClientError) -> PostgresConnection {
        let receiver: SafekeeperStartupOptions.Receiver =
            switch configuration.selection {
            case .vanilla: .vanilla
            case .interpreted(let format): .interpreted(format, target.identity)
            }
        let options = SafekeeperStartupOptions(
            tenant: target.tenant,
            timeline: target.timeline,
            receiver: receiver,
            availabilityZone: configuration.manager.availabilityZone
        )
        var parameters = [
            (name: "host", value: safekeeper.host),
            (name: "port", value: "\(safekeeper.port)"),
            (name: "user", value: userName),
            (name: "client_encoding", value: "UTF8"),
            (name: "options", value: options.text()),
            (name: "application_name", value: "pageserver-\(configuration.node)"),
            (name: "replication", value: "true"),
        ]
        if let token = configuration.token { parameters.append((name: "password", value: token)) }
        return try await PostgresConnection(
            configuration.connectionOptions,
            parameters: parameters,
            timeout: configuration.manager.connectTimeout
        )
    }

    /// The name of the process's user.
    private static var userName: String {
        guard let entry = getpwuid(geteuid()), let name = entry.pointee.pw_name else { return "\(geteuid())" }
        return String(cString: name)
    }
}

extension SystemIdentification {
    /// Reads the answer to `IDENTIFY_SYSTEM`; nil if it is none.
    ///
    /// Source: `replication-protocol.md` §2.2.
    init?(_ answer: PostgresResult) {
        guard let row = answer.rows.first, row.count >= 3,
            let systemID = row[0].flatMap({ UInt64($0) }), let timeline = row[1].flatMap({ UInt32($0) }),
            let commit = row[2].flatMap({ LSN($0) })
        else { return nil }
        self.init(systemID: systemID, timeline: timeline, commitLSN: commit)
    }
}
