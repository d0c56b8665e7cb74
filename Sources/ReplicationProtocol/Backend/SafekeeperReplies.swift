public import PostgresWAL

/// The series of messages with which a safekeeper answers.
extension BackendMessage {
    /// The end of a login without password.
    ///
    /// Source: `replication-protocol.md` §1.5.
    public static let trustLogin: [BackendMessage] = [
        .authenticationOk,
        .parameterStatus(name: "client_encoding", value: "UTF8"),
        .parameterStatus(name: "integer_datetimes", value: "on"),
        .parameterStatus(name: "server_version", value: "14.1"),
        .readyForQuery,
    ]

    /// The end of a login with a token as password.
    ///
    /// Source: `replication-protocol.md` §1.5.
    public static let tokenLogin: [BackendMessage] = [
        .authenticationOk,
        .parameterStatus(name: "client_encoding", value: "UTF8"),
        .readyForQuery,
    ]

    /// The answer to IDENTIFY_SYSTEM.
    ///
    /// Source: `replication-protocol.md` §2.2.
    public static func identifySystem(systemID: UInt64, position: LSN) -> [BackendMessage] {
        [
            .rowDescription([.text("systemid"), .int4("timeline"), .text("xlogpos"), .text("dbname")]),
            .dataRow(["\(systemID)", "1", "\(position)", nil]),
            .commandComplete("IDENTIFY_SYSTEM"),
            .readyForQuery,
        ]
    }

    /// The answer to TIMELINE_STATUS; without positions for a timeline that is not there.
    ///
    /// Source: `replication-protocol.md` §2.4.
    public static func timelineStatus(_ positions: (flush: LSN, commit: LSN)?) -> [BackendMessage] {
        var messages: [BackendMessage] = [.rowDescription([.text("flush_lsn"), .text("commit_lsn")])]
        if let positions { messages.append(.dataRow(["\(positions.flush)", "\(positions.commit)"])) }
        return messages + [.commandComplete("TIMELINE_STATUS"), .readyForQuery]
    }
}
