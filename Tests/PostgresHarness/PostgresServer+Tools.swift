import Glibc
package import PostgresWAL

extension PostgresServer {
    /// Runs SQL, one or many statements, in `psql`; gives the rows, columns separated by `|`, without a last line end.
    ///
    /// Statements run one by one, each in its own transaction unless the SQL says otherwise. The first error ends it
    /// and is thrown as a ``HarnessError``. The variables are for `:name` and `:'name'` in the SQL.
    @discardableResult
    package func psql(
        _ sql: String,
        database: String = "postgres",
        variables: [String: String] = [:]
    ) throws -> String {
        try installation.run("psql", psqlOptions(database: database, variables: variables), input: sql).text
    }

    /// Runs a client program, `pgbench` or `pg_basebackup` for example, with the options that make it connect.
    @discardableResult
    package func run(_ tool: String, _ arguments: [String] = []) throws -> ToolOutput {
        try installation.run(tool, connectionOptions + arguments)
    }

    /// How a base backup is written.
    package enum BackupFormat: String {
        /// As a data directory.
        case directory = "plain"
        /// As `base.tar` in a folder.
        case archive = "tar"
    }

    /// Has `pg_basebackup` copy the running server, without WAL, into a new folder next to the data; gives its path.
    package func makeBaseBackup(_ name: String, format: BackupFormat) throws -> String {
        let path = "\(folder)/\(name)"
        try run(
            "pg_basebackup",
            ["--pgdata=\(path)", "--format=\(format.rawValue)", "--checkpoint=fast", "--wal-method=none"]
        )
        return path
    }

    /// Starts SQL in the background; the caller waits for the process, or lets it end with the server.
    package func startPsql(_ sql: String, database: String = "postgres") throws -> ChildProcess {
        try start("psql", psqlOptions(database: database), input: sql)
    }

    /// Starts a client program in the background, with the options that make it connect; its output is thrown away.
    package func start(_ tool: String, _ arguments: [String] = []) throws -> ChildProcess {
        try start(tool, connectionOptions + arguments, input: "")
    }

    private func start(_ tool: String, _ arguments: [String], input text: String) throws -> ChildProcess {
        let input = try UnnamedFile()
        try input.write(text)
        let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer { close(nowhere) }
        return try ChildProcess(
            [installation.path(of: tool)] + arguments,
            environment: installation.environment,
            streams: .init(input: input.descriptor, output: nowhere, errors: nowhere)
        )
    }

    func psqlOptions(database: String, variables: [String: String] = [:]) -> [String] {
        connectionOptions + ["--dbname=\(database)", "-XAtq", "--file=-", "--set=ON_ERROR_STOP=1"]
            + variables.sorted { $0.key < $1.key }.map { "--set=\($0)=\($1)" }
    }

    /// How far the running server has flushed its WAL.
    package func currentWALFlushLSN() throws -> LSN {
        let text = try psql("select pg_current_wal_flush_lsn()")
        guard let lsn = LSN(text) else { throw HarnessError("\(text) is no LSN") }
        return lsn
    }

    /// One value of `pg_controldata`, by its name there, for example `Latest checkpoint location`.
    package func controlData(_ name: String) throws -> String {
        for line in try installation.run("pg_controldata", [dataDirectory]).text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 && parts[0] == name { return String(parts[1].drop { $0 == " " }) }
        }
        throw HarnessError("pg_controldata says nothing of \(name)")
    }

    /// `pg_waldump` of the server's version on the server's WAL.
    package var walDump: WALDump {
        WALDump(installation: installation, directory: walDirectory)
    }

    /// The end of the WAL of a server that was stopped with ``StopMode/fast``: just after the shutdown checkpoint.
    ///
    /// - Throws: ``HarnessError`` if the checkpoint is not the last record.
    package func endOfStoppedWAL() throws -> LSN {
        let text = try controlData("Latest checkpoint location")
        guard let checkpoint = LSN(text) else { throw HarnessError("\(text) is no LSN") }
        let records = try walDump.records(from: checkpoint)
        guard records.count == 1, let record = records.first, record.lsn == checkpoint else {
            throw HarnessError("the checkpoint at \(checkpoint) is not the last of the WAL: stopped in a hurry?")
        }
        return try walDump.end(of: record)
    }
}
