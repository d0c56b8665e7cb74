import Foundation
import PostgresHarness

/// A real safekeeper process with its own data directory.
///
/// It can be killed and started again on the same directory as often as one likes; it is killed at the latest when its
/// owner goes.
package final class SafekeeperProcess {
    /// The data directory.
    package let directory: String
    /// Its number.
    package let node: UInt64
    private let flags: [String]
    private let launcher: [String]
    private var process: LoggedProcess?
    /// Where proposers and receivers connect; the same after each start.
    package private(set) var port: UInt16 = 0
    /// Where the management API is; the same after each start.
    package private(set) var httpPort: UInt16 = 0

    /// - Parameters:
    ///   - directory: the data directory, which is there.
    ///   - node: its number.
    ///   - flags: more flags of the command line.
    ///   - launcher: a command that becomes the safekeeper, whose own command line follows it.
    package init(directory: String, node: UInt64 = 1, flags: [String] = [], launcher: [String] = []) {
        self.launcher = launcher
        self.directory = directory
        self.node = node
        self.flags = flags
    }

    /// The file that the process logs to; it grows over restarts.
    package var logPath: String { directory + ".log" }

    /// What it has logged.
    package var log: String { LoggedProcess.text(of: logPath) }

    /// The process id while it runs.
    package var pid: Int32? { process?.pid }

    /// Starts the process and waits until it listens.
    package func start() throws {
        precondition(process == nil, "the safekeeper is running")
        let executable = try Self.executable()
        let arguments =
            launcher + [
                executable, "--datadir", directory, "--id", "\(node)",
                "--listen-pg", "127.0.0.1:\(port)", "--listen-http", "127.0.0.1:\(httpPort)",
            ] + flags
        let process = try LoggedProcess(arguments, logPath: logPath)
        self.process = process
        let deadline = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < deadline {
            let text = process.output
            if let pg = Self.port(after: "listen_pg", in: text), let http = Self.port(after: "listen_http", in: text) {
                port = pg
                httpPort = http
                return
            }
            if let status = process.exitStatus {
                self.process = nil
                throw SafekeeperFailure(message: "the safekeeper ended with status \(status): \(text)")
            }
            usleep(2_000)
        }
        throw SafekeeperFailure(message: "the safekeeper does not listen: \(log)")
    }

    /// Ends the process with a signal and waits for it; gives its exit status, 128 + n after signal n.
    @discardableResult
    package func stop(_ signal: Int32 = SIGTERM) -> Int32 {
        defer { process = nil }
        return process?.stop(signal) ?? 0
    }

    /// Stops (`SIGSTOP`) or continues (`SIGCONT`) the process.
    package func signal(_ signal: Int32) {
        process?.signal(signal)
    }

    /// Calls the management API; gives the status and the body.
    package func call(_ method: String, _ path: String, body: String? = nil) async throws -> (status: Int, body: String)
    {
        try await Self.call(method, path, httpPort: httpPort, body: body)
    }

    /// Calls the management API of whichever safekeeper listens there; gives the status and the body.
    package static func call(
        _ method: String,
        _ path: String,
        httpPort: UInt16,
        body: String? = nil
    ) async throws -> (status: Int, body: String) {
        let answer = try await HTTPClient(port: Int(httpPort))(method, path, body)
        return (answer.status, answer.body)
    }

    /// One of our executables, built along with the tests.
    package static func executable(named name: String = "safekeeper") throws -> String {
        let path = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().appendingPathComponent("../../.build/release/\(name)").standardized.path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw SafekeeperFailure(message: "\(name) is not built: there is no \(path)")
        }
        return path
    }

    /// The port in the first `name=host:port` of a text.
    private static func port(after name: String, in text: String) -> UInt16? {
        guard let range = text.range(of: name + "=") else { return nil }
        let value = text[range.upperBound...].prefix { !$0.isWhitespace && $0 != "," }
        guard let colon = value.lastIndex(of: ":") else { return nil }
        return UInt16(value[value.index(after: colon)...].prefix { $0.isNumber })
    }
}

/// What went wrong with a safekeeper process.
package struct SafekeeperFailure: Error, CustomStringConvertible {
    package let message: String

    package init(message: String) {
        self.message = message
    }

    package var description: String { message }
}
