import Foundation
import PostgresHarness
import PostgresWAL

/// The PostgreSQL server that the WAL comes from: one of the demo's, or the user's.
final class SourceServer {
    /// The demo's own; nil if it is the user's.
    let own: PostgresServer?
    /// How to connect, as libpq takes it.
    let connection: String
    let installation: PostgresInstallation
    let version: PostgresMajorVersion
    /// The end of the WAL of a server that has been stopped.
    private var finalEnd: LSN?

    /// Starts a server of the demo's, removed in the end.
    init(major: Int, undoing: Undoing) throws {
        let settings = [
            "fsync": "on", "full_page_writes": "on", "autovacuum": "on", "max_wal_size": "20GB",
            "shared_buffers": "128MB", "max_wal_senders": "4",
        ]
        let server = try undoing.remembering {
            let server = try PostgresServer(major: major, settings: settings)
            do {
                try server.start()
            } catch {
                server.remove()
                throw error
            }
            return (server, { server.remove() })
        }
        own = server
        connection = server.connectionString()
        installation = server.installation
        version = try Self.version(major)
    }

    /// Takes a server that is there.
    init(connection: String) throws {
        own = nil
        self.connection = connection
        // Any psql can ask for the version; the backup needs the right programs.
        let found = PostgresInstallation.majors.reversed().compactMap { try? PostgresInstallation.find(major: $0) }
        guard let any = found.first else { throw DemoError(description: "there is no psql: run `make setup`") }
        let number = try Self.query("show server_version_num", connection, any)
        guard let value = Int(number) else { throw DemoError(description: "\(number) is no version") }
        installation = try PostgresInstallation.find(major: value / 10_000)
        version = try Self.version(value / 10_000)
    }

    private static func version(_ major: Int) throws -> PostgresMajorVersion {
        guard let version = PostgresMajorVersion(rawValue: major) else {
            throw DemoError(description: "PostgreSQL \(major) is not supported")
        }
        return version
    }

    private static func query(_ sql: String, _ connection: String, _ tools: PostgresInstallation) throws -> String {
        try tools.run("psql", ["--dbname=\(connection)", "-XAtq", "--set=ON_ERROR_STOP=1", "--command=\(sql)"]).text
    }

    /// One value that the server gives.
    func value(_ sql: String) throws -> String {
        try Self.query(sql, connection, installation)
    }

    /// The end of the server's flushed WAL.
    func end() throws -> LSN {
        if let finalEnd { return finalEnd }
        let text = try value("select pg_current_wal_flush_lsn()")
        guard let lsn = LSN(text) else { throw DemoError(description: "\(text) is no LSN") }
        return lsn
    }

    /// Makes a base backup as an archive in a new folder; gives the archive's path.
    func backUp(into folder: String) throws -> String {
        try installation.run(
            "pg_basebackup",
            [
                "--dbname=\(connection)", "--pgdata=\(folder)", "--format=tar", "--checkpoint=fast",
                "--wal-method=none",
            ]
        )
        return "\(folder)/base.tar"
    }

    /// Stops the demo's own server in order; gives the end of its WAL.
    func stop(_ server: PostgresServer) throws -> LSN {
        try server.stop(.fast)
        let end = try server.endOfStoppedWAL()
        finalEnd = end
        return end
    }
}
