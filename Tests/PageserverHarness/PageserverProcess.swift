import Foundation
import PostgresHarness
package import PostgresWAL
import SafekeeperHarness
import TestFixtures

/// A real pageserver process on a working directory; killed at the latest when its owner goes.
package final class PageserverProcess {
    package let workdir: String
    private let config: String
    private let flags: [String]
    private var process: LoggedProcess?
    /// Where the API is.
    package private(set) var httpPort: UInt16 = 0

    /// - Parameters:
    ///   - workdir: the working directory, which is there.
    ///   - settings: the text of its configuration file.
    ///   - flags: more flags of the command line.
    /// - Throws: what keeps the file from being written.
    package init(workdir: String, settings: String, flags: [String] = []) throws {
        self.workdir = workdir
        self.flags = flags
        config = workdir + ".toml"
        try settings.write(toFile: config, atomically: true, encoding: .utf8)
    }

    /// The process id while it runs.
    package var pid: Int32? { process?.pid }

    package var log: String { LoggedProcess.text(of: logPath) }

    private var logPath: String { workdir + ".log" }

    /// Starts it; waits until it is ready unless told not to.
    package func start(waits: Bool = true) throws {
        precondition(process == nil, "the pageserver is running")
        let process = try LoggedProcess(
            [try Self.executable(), "--config", config, "--workdir", workdir, "--listen-http-addr", "127.0.0.1:0"]
                + flags,
            logPath: logPath
        )
        self.process = process
        let deadline = ContinuousClock.now + .seconds(20)
        while waits {
            let text = process.output
            if let range = text.range(of: "listen_http_addr=127.0.0.1:"),
                let port = UInt16(text[range.upperBound...].prefix { $0.isNumber }),
                text[range.upperBound...].contains("\n")
            {
                httpPort = port
                return
            }
            if let status = process.exitStatus {
                self.process = nil
                throw SafekeeperFailure(message: "the pageserver ended with status \(status): \(text)")
            }
            guard ContinuousClock.now < deadline else {
                throw SafekeeperFailure(message: "the pageserver is not ready: \(text)")
            }
            usleep(2_000)
        }
    }

    /// Ends the process with a signal and waits for it; gives its exit status, 128 + n after signal n.
    @discardableResult
    package func stop(_ signal: Int32 = SIGTERM) -> Int32 {
        defer { process = nil }
        return process?.stop(signal) ?? 0
    }

    /// What the API answers to a GET: the status line with all that follows.
    package func get(_ path: String) throws -> String {
        let connection = try BlockingConnection(port: httpPort)
        try connection.send(Array("GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8))
        return String(decoding: try connection.receiveAll(), as: UTF8.self)
    }

    /// Makes a tenant's shards of a base backup, in a working directory.
    ///
    /// - Parameters:
    ///   - archive: the backup's archive.
    ///   - workdir: the working directory, which is there.
    ///   - major: the server's version.
    ///   - shardCount: how many shards; 0 for an unsharded tenant.
    ///   - stripeSize: pages that stay together on one shard.
    ///   - launcher: a command that becomes the program, whose own command line follows it.
    /// - Returns: where the WAL begins that goes with it.
    /// - Throws: ``SafekeeperFailure`` with what the program says.
    @discardableResult
    package static func importBackup(
        _ archive: String,
        into workdir: String,
        major: Int,
        shardCount: UInt8,
        stripeSize: UInt32,
        launcher: [String] = []
    ) throws -> LSN {
        let command =
            launcher + [
                try executable(), "import", "--workdir", workdir, "--tenant-id", "\(KeptTimeline.tenant)",
                "--timeline-id", "\(KeptTimeline.timeline)", "--pg-version", "\(major)", "--shard-count",
                "\(shardCount)", "--shard-stripe-size", "\(stripeSize)", "--archive", archive,
            ]
        let finished = try FinishedProcess.run(command[0], Array(command.dropFirst()))
        guard finished.status == 0, finished.text.hasPrefix("imported up to "),
            let lsn = LSN(String(finished.text.dropFirst(15).prefix { $0.isHexDigit || $0 == "/" }))
        else {
            throw SafekeeperFailure(
                message: "the import ended with status \(finished.status): \(finished.text)\(finished.errors)"
            )
        }
        return lsn
    }

    /// The path of the program.
    package static func executable() throws -> String { try SafekeeperProcess.executable(named: "pageserver") }
}
