import Foundation
import PostgresHarness
package import PostgresWAL

/// WAL of a real server, and the base backup that it goes on from; the server is stopped.
package struct IngestSource: Sendable {
    /// The name in the keys of figures.
    package let name: String
    /// What it is, in words.
    package let explanation: String
    /// Removes its folder when the last reference goes.
    private let server: PostgresServer
    /// The archive of the server's data directory.
    package let backup: String
    /// The end of the last record.
    package let end: LSN
    /// The folder with all WAL from the backup on.
    package var walDirectory: String { server.walDirectory }
    package var major: Int { server.installation.major }

    /// A table of two integers, filled by a single statement: small records and nothing else.
    ///
    /// - Throws: ``HarnessError``, as all of these do.
    package static func pairs(rows: Int, major: Int = 15) throws -> IngestSource {
        try IngestSource("pairs", "one insert of \(rows) rows of two integers", major) { server in
            try server.psql("create table pairs (a int, b int)")
        } load: { server in
            try server.psql("insert into pairs select g, g from generate_series(1, \(rows)) g")
        }
    }

    /// pgbench's own transactions by four clients, on a database of pgbench's scale 10 that has just had a checkpoint.
    package static func pgbench(transactions: Int, major: Int = 15) throws -> IngestSource {
        try IngestSource("pgbench", "\(transactions) transactions of pgbench", major) { server in
            try server.run("pgbench", ["--initialize", "--quiet", "--scale=10", "postgres"])
        } load: { server in
            let each = max(transactions / 4, 1)
            try server.run("pgbench", ["--client=4", "--transactions=\(each)", "--random-seed=1", "postgres"])
        }
    }

    /// Everything that PostgreSQL writes WAL of: ``Workload``.
    package static func mixed(major: Int = 15) throws -> IngestSource {
        let outcome = try Workload.shared(major: major)
        return IngestSource(
            name: "mixed",
            explanation: "a workload that reaches every resource manager",
            server: outcome.server,
            backup: outcome.baseBackup,
            end: outcome.end
        )
    }

    private init(name: String, explanation: String, server: PostgresServer, backup: String, end: LSN) {
        self.name = name
        self.explanation = explanation
        self.server = server
        self.backup = backup
        self.end = end
    }

    /// Prepares a server, backs it up, loads it and stops it.
    private init(
        _ name: String,
        _ explanation: String,
        _ major: Int,
        prepare: (PostgresServer) throws -> Void,
        load: (PostgresServer) throws -> Void
    ) throws {
        // As a server comes, but that no checkpoint falls into the load by chance.
        let server = try PostgresServer(
            major: major,
            settings: ["checkpoint_timeout": "1h", "full_page_writes": "on", "max_wal_senders": "4"]
        )
        try server.start()
        try prepare(server)
        let backup = try server.makeBaseBackup("backup", format: .archive)
        try load(server)
        try server.stop(.fast)
        self.init(
            name: name,
            explanation: explanation,
            server: server,
            backup: "\(backup)/base.tar",
            end: try server.endOfStoppedWAL()
        )
    }
}
