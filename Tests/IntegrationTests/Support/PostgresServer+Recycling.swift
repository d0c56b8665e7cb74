import PostgresHarness

extension PostgresServer {
    /// Runs `body` with a server that has taken its WAL files into use again: behind the end of the WAL lie older pages.
    ///
    /// The segments have 1 MiB, so that this is soon done, and so that what `body` does reaches several of them.
    static func withRecycledSegments(major: Int, _ body: (PostgresServer) throws -> Void) throws {
        let settings = [
            "max_wal_size": "8MB", "min_wal_size": "8MB", "wal_keep_size": "0", "wal_writer_delay": "10ms",
        ]
        try withPostgres(major: major, settings: settings, initdbOptions: ["--wal-segsize=1"]) { server in
            try server.psql("create table loaded (a int, b text)")
            for _ in 1...4 {
                try server.psql(
                    """
                    insert into loaded select g, repeat('l', 100) from generate_series(1, 15000) g;
                    checkpoint;
                    """
                )
            }
            try body(server)
        }
    }
}
