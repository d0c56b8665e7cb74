import Glibc
import Synchronization

/// One open `psql`, for what needs a session that stays: transactions that wait for one another, locks, temporary
/// tables.
package final class PsqlSession: Sendable {
    private let child: ChildProcess
    private let socket: Int32
    private let statements = Atomic<Int>(0)

    /// Connects to a running server.
    ///
    /// Errors of statements do not end the session.
    package init(_ server: PostgresServer, database: String = "postgres") throws {
        var ends: [Int32] = [0, 0]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw HarnessError.systemCall("no socket pair", code: errno)
        }
        socket = ends[0]
        defer { close(ends[1]) }
        child = try ChildProcess(
            [server.installation.path(of: "psql")] + server.psqlOptions(database: database)
                + ["--set=ON_ERROR_STOP=0"],
            environment: server.installation.environment,
            streams: .init(input: ends[1], output: ends[1], errors: ends[1])
        )
    }

    deinit {
        close(socket)
        child.signal(SIGKILL)
        child.wait()
    }

    /// Sends SQL without waiting for its end, for a statement that is to block.
    ///
    /// Follow with ``finish(within:)``.
    package func begin(_ sql: String) throws {
        let number = statements.add(1, ordering: .relaxed).newValue
        var rest = Array("\(sql)\n;\n\\echo statement \(number) done\n".utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard written > 0 else { throw HarnessError.systemCall("psql has ended", code: errno) }
            rest = rest.dropFirst(written)
        }
    }

    /// Waits for the end of what was begun; gives rows and error messages as psql prints them.
    package func finish(within limit: Duration = .seconds(30)) throws -> String {
        let end = "statement \(statements.load(ordering: .relaxed)) done\n"
        let deadline = ContinuousClock.now + limit
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            var ready = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            guard ContinuousClock.now < deadline else {
                throw HarnessError("psql gave no answer: \(String(decoding: text, as: UTF8.self))")
            }
            guard poll(&ready, 1, 100) > 0 else { continue }
            let got = read(socket, &chunk, chunk.count)
            guard got > 0 else { throw HarnessError("psql has ended: \(String(decoding: text, as: UTF8.self))") }
            text += chunk[..<got]
            if text.suffix(end.utf8.count).elementsEqual(end.utf8) {
                return String(decoding: text.dropLast(end.utf8.count), as: UTF8.self)
            }
        }
    }

    /// Runs SQL and waits for its end; gives rows and error messages as psql prints them.
    @discardableResult
    package func run(_ sql: String) throws -> String {
        try begin(sql)
        return try finish()
    }
}
