import Glibc
import Synchronization

/// A PostgreSQL server of our own: data in a fresh folder in `/tmp`, reachable by a Unix socket there and nowhere else.
///
/// As root it runs as `postgres` (else `nobody`). It is stopped and its folder deleted by ``remove()``, by the end of
/// ``withPostgres(major:settings:initdbOptions:_:)``, when the last reference goes, or when this process dies.
///
/// Calls block the calling thread until done. They may come from any thread; starting and stopping must not be
/// done from several at once.
package final class PostgresServer: Sendable {
    package let installation: PostgresInstallation
    /// The folder that holds everything: data, socket, log.
    package let folder: String

    let account: ServerAccount
    private let watchdog: Watchdog
    private let state: Mutex<State>

    private struct State {
        var settings: [String: String]
        var postmaster: ChildProcess?
        var isRemoved = false
    }

    /// What differs from PostgreSQL's own defaults unless asked otherwise: small, quick, quiet, and no WAL is ever
    /// recycled or removed, so that everything from the first segment on stays readable.
    package static let defaultSettings: [String: String] = [
        "autovacuum": "off",
        "dynamic_shared_memory_type": "mmap",
        "fsync": "off",
        "listen_addresses": "",
        "log_min_messages": "warning",
        "log_timezone": "UTC",
        "max_connections": "30",
        "max_prepared_transactions": "10",
        "max_wal_size": "16GB",
        "shared_buffers": "32MB",
        "timezone": "UTC",
        "wal_keep_size": "16GB",
    ]

    /// Makes a cluster with `initdb`; it is not started yet.
    ///
    /// The settings count on top of ``defaultSettings``, the options of `initdb` after encoding UTF8 and locale C; for
    /// example `["--wal-segsize=1"]`. Throws ``HarnessError`` with what `initdb` said.
    package init(major: Int, settings: [String: String] = [:], initdbOptions: [String] = []) throws {
        installation = try PostgresInstallation.find(major: major)
        account = try ServerAccount.suitable()
        folder = try account.makeTemporaryFolder()
        watchdog = try Watchdog(folder: folder)
        state = Mutex(State(settings: PostgresServer.defaultSettings.merging(settings) { $1 }))

        let initdb =
            [installation.path(of: "initdb"), "--pgdata=\(dataDirectory)", "--username=postgres", "--auth=trust"]
            + ["--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C"] + initdbOptions
        _ = try ToolOutput.of(account.command(initdb), environment: installation.environment).checked("initdb")
        try appendLine("include 'harness.conf'", to: "\(dataDirectory)/postgresql.conf")
        try writeSettings()
    }

    deinit {
        remove()
    }

    /// Runs `body` with a started server and removes it afterwards.
    package static func withPostgres<Result>(
        major: Int,
        settings: [String: String] = [:],
        initdbOptions: [String] = [],
        _ body: (PostgresServer) throws -> Result
    ) throws -> Result {
        let server = try PostgresServer(major: major, settings: settings, initdbOptions: initdbOptions)
        defer { server.remove() }
        try server.start()
        return try body(server)
    }

    /// Runs `body` with a started server and removes it afterwards.
    package static func withPostgres<Result>(
        major: Int,
        settings: [String: String] = [:],
        initdbOptions: [String] = [],
        isolation: isolated (any Actor)? = #isolation,
        _ body: (PostgresServer) async throws -> Result
    ) async throws -> Result {
        let server = try PostgresServer(major: major, settings: settings, initdbOptions: initdbOptions)
        defer { server.remove() }
        try server.start()
        return try await body(server)
    }

    // MARK: - Places

    package var dataDirectory: String { "\(folder)/data" }
    package var walDirectory: String { "\(folder)/data/pg_wal" }
    /// The server's log: everything it writes to standard error.
    package var logFile: String { "\(folder)/log" }

    /// What libpq needs to connect.
    ///
    /// `host=… port=… user=… dbname=…`; the port only names the socket.
    package func connectionString(database: String = "postgres") -> String {
        "host=\(folder) port=5432 user=postgres dbname=\(database)"
    }

    /// The same as options that all client programs take, `psql` as well as `pg_basebackup`.
    package var connectionOptions: [String] { ["--host=\(folder)", "--port=5432", "--username=postgres"] }

    /// Makes a folder next to the data that the server may write to, for tablespaces and archives; gives its path.
    package func makeServerFolder(_ name: String) throws -> String {
        let path = "\(folder)/\(name)"
        try account.makeFolder(path)
        return path
    }

    // MARK: - Life

    /// The postmaster's process id while it runs.
    package var processID: Int32? {
        state.withLock { state in
            guard let postmaster = state.postmaster, postmaster.exitStatus() == nil else { return nil }
            return postmaster.pid
        }
    }

    /// The memory that all processes of the running server have resident together, in bytes; nil if it doesn't run.
    package var residentBytes: UInt64? {
        guard let postmaster = processID else { return nil }
        // Processes may end while they are asked.
        let parts = ([postmaster] + childProcesses(of: postmaster)).compactMap {
            try? ProcessUsage.proportionalBytes(of: $0)
        }
        return parts.isEmpty ? nil : parts.reduce(0, +)
    }

    /// Starts the server and returns when it takes connections, recovery done.
    ///
    /// - Throws: ``HarnessError`` with the end of the log if it does not come up within a minute.
    package func start() throws {
        precondition(processID == nil, "the server is running already")
        let log = open(logFile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard log >= 0 else { throw HarnessError.systemCall("could not open \(logFile)", code: errno) }
        defer { close(log) }
        let nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(nowhere) }
        let postmaster = try ChildProcess(
            account.command([installation.path(of: "postgres"), "-D", dataDirectory, "-k", folder]),
            environment: installation.environment,
            streams: .init(input: nowhere, output: log, errors: log),
            newSession: true
        )
        state.withLock { $0.postmaster = postmaster }

        let deadline = ContinuousClock.now + .seconds(60)
        while !isReady(postmaster.pid) {
            guard postmaster.exitStatus() == nil, ContinuousClock.now < deadline else {
                try? stop(.immediate)
                throw HarnessError("PostgreSQL \(installation.major) did not start:\n\(logTail())")
            }
            usleep(5_000)
        }
    }

    /// How a server is told to stop.
    package enum StopMode: Int32, Sendable {
        /// Ends sessions, writes a shutdown checkpoint.
        case fast = 2
        /// No checkpoint: the next start does crash recovery.
        case immediate = 3
    }

    /// Stops the server and waits until it is gone; does nothing if it is not running.
    ///
    /// - Throws: ``HarnessError`` if it had to be killed after a minute.
    package func stop(_ mode: StopMode = .fast) throws {
        guard let postmaster = state.withLock({ $0.postmaster }) else { return }
        postmaster.signal(mode.rawValue)
        if postmaster.wait(atMost: .seconds(60)) == nil {
            killNow()
            throw HarnessError("PostgreSQL \(installation.major) did not stop:\n\(logTail())")
        }
        state.withLock { $0.postmaster = nil }
    }

    /// Kills every process of the server on the spot, as a power failure would.
    package func killNow() {
        guard let postmaster = state.withLock({ $0.postmaster }) else { return }
        // The postmaster stands still first: else it would begin to recover when its children go.
        postmaster.signal(SIGSTOP)
        let children = childProcesses(of: postmaster.pid)
        for child in children { kill(child, SIGKILL) }
        postmaster.signal(SIGKILL)
        postmaster.wait()
        // As long as one of them has the shared memory the next start is refused. One that is dead has no executable.
        for child in children {
            for _ in 0..<1000 where access("/proc/\(child)/exe", F_OK) == 0 { usleep(5_000) }
        }
        state.withLock { $0.postmaster = nil }
    }

    /// Stops the server, however it is, and deletes all it had.
    package func remove() {
        guard
            state.withLock({ state in
                defer { state.isRemoved = true }
                return !state.isRemoved
            })
        else { return }
        try? stop(.immediate)
        removeSharedMemory()
        deleteTree(folder)
        watchdog.dismiss()
    }

    // MARK: - Configuration

    /// Changes settings, which count from the next start or reload.
    ///
    /// Nil takes one back to PostgreSQL's own default.
    package func configure(_ changes: [String: String?]) throws {
        state.withLock { state in
            for (name, value) in changes { state.settings[name] = value }
        }
        try writeSettings()
    }

    /// Has the running server read its configuration, and returns when its sessions to come see it.
    package func reload() throws {
        let before = try psql("select pg_conf_load_time()")
        try psql("select pg_reload_conf()")
        let deadline = ContinuousClock.now + .seconds(10)
        while try psql("select pg_conf_load_time()") == before {
            guard ContinuousClock.now < deadline else { throw HarnessError("the configuration was not reloaded") }
            usleep(5_000)
        }
    }

    private func writeSettings() throws {
        let settings = state.withLock { $0.settings }
        let lines = settings.sorted { $0.key < $1.key }.map { name, value in
            "\(name) = '\(value.replacing("'", with: "''"))'\n"
        }
        try writeFile(lines.joined(), to: "\(dataDirectory)/harness.conf")
    }

    // MARK: - Inside

    /// Whether `postmaster.pid` is of this process and its last line says that connections are taken.
    private func isReady(_ pid: pid_t) -> Bool {
        let lines = postmasterFile()
        return lines.count >= 8 && lines[0] == "\(pid)" && lines[7].hasPrefix("ready")
    }

    private func postmasterFile() -> [Substring] {
        readFile("\(dataDirectory)/postmaster.pid").split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// After a kill the System V segment that PostgreSQL uses as an interlock is left over; its id is in the file.
    private func removeSharedMemory() {
        let lines = postmasterFile()
        guard lines.count >= 7, let id = lines[6].split(separator: " ").last.flatMap({ Int32($0) }) else { return }
        shmctl(id, IPC_RMID, nil)
    }

    private func logTail() -> String {
        readFile(logFile).split(separator: "\n").suffix(20).joined(separator: "\n")
    }
}
