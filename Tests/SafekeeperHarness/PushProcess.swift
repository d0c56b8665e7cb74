import Foundation
import PostgresHarness
package import ShardIdentity

/// A real `walctl push`: the WAL of a server goes to safekeepers until the process is stopped.
package final class PushProcess {
    private let process: LoggedProcess
    private let logPath: String

    /// Starts the process.
    ///
    /// - Parameters:
    ///   - source: how to connect to the server.
    ///   - ports: the safekeepers' ports on this machine.
    ///   - tenant: the tenant.
    ///   - timeline: the timeline.
    ///   - flags: more flags of the command line.
    ///   - environment: variables that it has besides ours.
    ///   - logPath: what it prints goes to the end of this file.
    /// - Throws: ``SafekeeperFailure`` if `walctl` is not built; ``HarnessError`` if it can't be started.
    package init(
        from source: String,
        ports: [UInt16],
        tenant: TenantID,
        timeline: TimelineID,
        flags: [String] = [],
        environment: [String: String] = [:],
        logPath: String
    ) throws {
        self.logPath = logPath
        let arguments = [
            try SafekeeperProcess.executable(named: "walctl"), "push", "--from", source,
            "--safekeepers", ports.map { "127.0.0.1:\($0)" }.joined(separator: ","),
            "--tenant", "\(tenant)", "--timeline", "\(timeline)",
        ]
        process = try LoggedProcess(arguments + flags, environment: environment, logPath: logPath)
    }

    /// What it has printed.
    package var output: String { LoggedProcess.text(of: logPath) }

    /// The exit status if it has ended.
    package var exitStatus: Int32? { process.exitStatus }

    /// Ends the process with a signal and waits for it; gives its exit status, 128 + n after signal n.
    @discardableResult
    package func stop(_ signal: Int32 = SIGTERM) -> Int32 {
        process.stop(signal)
    }
}
