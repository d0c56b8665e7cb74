import PostgresClient
import PostgresHarness
import Testing

/// Connections to a real PostgreSQL.
@Suite(.mayBlock, .timeLimit(.minutes(1))) struct RealServerTests {
    @Test(arguments: [15, 17]) func queriesAndReplication(major: Int) async throws {
        try await PostgresServer.withPostgres(major: major) { server in
            let connection = try await PostgresConnection(
                server.connectionString(),
                parameters: [("replication", "true"), ("application_name", "walproposer")]
            )
            #expect(connection.serverVersion / 10_000 == major)
            let identity = try await connection.query("IDENTIFY_SYSTEM")
            #expect(identity.columns == ["systemid", "timeline", "xlogpos", "dbname"])
            #expect(identity.first("timeline") == "1" && identity.rows[0][3] == nil)
            #expect(try await connection.query("SHOW wal_segment_size").first("wal_segment_size") == "16MB")
            // An error leaves the connection usable.
            let error = await #expect(throws: PostgresClientError.self) { try await connection.query("select 1") }
            guard case .server(let message, "0A000")? = error, message.hasPrefix("cannot execute SQL") else {
                Issue.record("\(error as Any)")
                return
            }
            try await connection.startCopy("START_REPLICATION PHYSICAL 0/1000000 TIMELINE 1")
            let first = try #require(try await connection.receive())
            first.withUnsafeBytes { #expect($0[0] == UInt8(ascii: "w") || $0[0] == UInt8(ascii: "k")) }
            let waiting = try server.psql(
                "select count(*) from pg_stat_replication where application_name = 'walproposer'"
            )
            #expect(waiting.contains("1"))
        }
    }

    @Test func manyRowsAndNulls() async throws {
        try await PostgresServer.withPostgres(major: 15) { server in
            let connection = try await PostgresConnection(server.connectionString())
            let result = try await connection.query("select i, nullif(i, 3) from generate_series(1, 10000) i")
            #expect(result.rows.count == 10_000 && result.commandTag == "SELECT 10000")
            #expect(result.rows[2] == ["3", nil] && result.rows[9_999] == ["10000", "10000"])
            // Several connections at once do not disturb each other.
            try await withThrowingTaskGroup(of: String?.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        let connection = try await PostgresConnection(server.connectionString())
                        return try await connection.query("select \(number) as n").first("n")
                    }
                }
                var numbers: Set<String?> = []
                for try await number in group { numbers.insert(number) }
                #expect(numbers.count == 8)
            }
        }
    }
}
