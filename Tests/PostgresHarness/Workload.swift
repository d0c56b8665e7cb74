import Foundation
package import PostgresWAL
import Synchronization

/// WAL with everything in it: a run of SQL that reaches every built-in resource manager and most of their records.
///
/// The scripts in `Workload/` are one subject each. They run on a cluster of their own, under changing settings for
/// how pages are logged, with a crash and restarts in between. What comes out differs from run to run only in times
/// and in where the crash hits.
package enum Workload {
    /// The stopped server and the range of its WAL.
    package struct Outcome: Sendable {
        /// Removes its folder when the last reference goes.
        package let server: PostgresServer
        package let walDirectory: String
        /// The first record `initdb` wrote.
        package let start: LSN
        /// The end of the shutdown checkpoint, which is the last record.
        package let end: LSN
        /// What `pg_basebackup` made of the server before anything else ran: the archive of its data directory.
        package let baseBackup: String
        /// The methods of `wal_compression` that this build of the server has.
        package let compressionMethods: [String]
    }

    /// The resource managers every version has, by the names `pg_waldump` gives them.
    package static let resourceManagers = [
        "XLOG", "Transaction", "Storage", "CLOG", "Database", "Tablespace", "MultiXact", "RelMap", "Standby", "Heap2",
        "Heap", "Btree", "Hash", "Gin", "Gist", "Sequence", "SPGist", "BRIN", "CommitTs", "ReplicationOrigin",
        "Generic", "LogicalMessage",
    ]

    private static let outcomes = Mutex<[Int: Outcome]>([:])

    /// The outcome of one run in this process, which all tests share; they must leave the server stopped.
    ///
    /// The first call for a version runs it, as ``run(major:)``; calls for any version wait for it.
    package static func shared(major: Int) throws -> Outcome {
        try outcomes.withLock { outcomes in
            if let outcome = outcomes[major] { return outcome }
            let outcome = try run(major: major)
            outcomes[major] = outcome
            return outcome
        }
    }

    /// Runs everything on a new server: some seconds, about 120 MB of WAL.
    ///
    /// - Throws: ``HarnessError`` with what the server said to the statement that failed.
    package static func run(major: Int) throws -> Outcome {
        var run = try Run(major: major)
        try run.work()
        return try run.finish()
    }

    /// A run step by step, for those who follow the server while it works.
    package struct Run {
        /// The server: it runs from the start to ``finish()``, but for a crash and restarts.
        package let server: PostgresServer
        /// See ``Outcome/baseBackup``.
        package let baseBackup: String
        private var compressionMethods: [String] = []

        /// Starts a new server and makes a base backup of it.
        package init(major: Int) throws {
            server = try PostgresServer(
                major: major,
                settings: ["track_commit_timestamp": "on", "wal_level": "logical", "wal_log_hints": "on"]
            )
            try server.start()
            baseBackup = "\(try server.makeBaseBackup("backup", format: .archive))/base.tar"
        }

        /// Runs everything.
        package mutating func work() throws {
            try runScripts(on: server)
            compressionMethods = try runWithEachCompression(on: server)
            try changeFullPageWrites(on: server)
            try crash(server)
            try restartAsReplica(server)
        }

        /// Stops the server.
        package func finish() throws -> Outcome {
            try server.stop(.fast)
            return Outcome(
                server: server,
                walDirectory: server.walDirectory,
                start: try server.walDump.firstRecord(),
                end: try server.endOfStoppedWAL(),
                baseBackup: baseBackup,
                compressionMethods: compressionMethods
            )
        }
    }

    // MARK: - Phases

    private static func runScripts(on server: PostgresServer) throws {
        let shelf = try server.makeServerFolder("shelf")
        // Generic records come from extensions only. The wheel of 16 has just one with an index method.
        let generic = server.installation.major == 16 ? "generic-vector" : "generic-bloom"
        let scripts = [
            "heap", "locks", "toast", "btree", "hash", "gin", "gist", "spgist", "brin", "sequences", "transactions",
            "databases", "logical", "wal", generic, "images", "verified", "freeze",
        ]
        for name in scripts {
            try run(name, on: server, variables: ["shelf": shelf])
        }
    }

    private static func runWithEachCompression(on server: PostgresServer) throws -> [String] {
        let query = "select unnest(enumvals) from pg_settings where name = 'wal_compression'"
        let offered = Set(try server.psql(query).split(separator: "\n").map(String.init))
        let methods = ["pglz", "lz4", "zstd"].filter(offered.contains)
        for method in methods {
            try server.configure(["wal_compression": method])
            try server.reload()
            try run("images", on: server)
        }
        try server.configure(["wal_compression": nil])
        try server.reload()
        return methods
    }

    private static func changeFullPageWrites(on server: PostgresServer) throws {
        for value in ["off", "on"] {
            try server.configure(["full_page_writes": value])
            try server.reload()
            try run("images", on: server)
        }
    }

    /// Stops the server without a checkpoint in the middle of a load, and lets it recover.
    private static func crash(_ server: PostgresServer) throws {
        try server.psql("create table loaded (a int primary key, b text)")
        let start = try server.currentWALFlushLSN()
        let load = try server.startPsql(
            """
            do $$
            begin
                for i in 1..1000000 loop
                    insert into loaded values (i, repeat('load', i % 100));
                    if i % 50 = 0 then commit; end if;
                end loop;
            end $$
            """
        )
        while try server.currentWALFlushLSN() < start + 2_000_000 {
            if load.exitStatus() != nil { throw HarnessError("the load ended before the crash") }
        }
        try server.stop(.immediate)
        load.wait()
        try server.start()
        try server.psql("delete from loaded where a % 2 = 0")
    }

    private static func restartAsReplica(_ server: PostgresServer) throws {
        try server.stop(.fast)
        try server.configure(["wal_level": "replica", "max_connections": "20", "track_commit_timestamp": "off"])
        try server.start()
        try run("images", on: server)
    }

    // MARK: - Scripts

    private static func run(
        _ name: String,
        on server: PostgresServer,
        variables: [String: String] = [:]
    ) throws {
        let folder = Bundle.module.bundlePath + "/Workload"
        let sql = readFile("\(folder)/\(name).sql")
        guard !sql.isEmpty else { throw HarnessError("no script \(name).sql in \(folder)") }
        do {
            try server.psql(sql, variables: variables)
        } catch {
            throw HarnessError("\(name).sql on PostgreSQL \(server.installation.major): \(error)")
        }
    }
}
