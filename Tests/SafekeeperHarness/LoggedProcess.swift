import Foundation
import PostgresHarness

/// A started program that prints to the end of a file; it is killed at the latest when its owner goes.
package final class LoggedProcess {
    private let process: ChildProcess
    private let logPath: String
    /// The length of the file before this program printed anything.
    private let begin: Int

    /// Starts `arguments[0]`, a path.
    ///
    /// - Parameters:
    ///   - arguments: the command line.
    ///   - environment: variables that it has besides ours.
    ///   - logPath: the file; made if it isn't there.
    /// - Throws: ``HarnessError`` if it can't be started.
    package init(_ arguments: [String], environment: [String: String] = [:], logPath: String) throws {
        self.logPath = logPath
        begin = Self.text(of: logPath).utf8.count
        let output = open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer {
            close(output)
            close(nothing)
        }
        process = try ChildProcess(
            arguments,
            environment: ProcessInfo.processInfo.environment.merging(environment) { $1 },
            streams: .init(input: nothing, output: output, errors: output)
        )
    }

    deinit {
        process.signal(SIGKILL)
        process.wait()
    }

    package var pid: Int32 { process.pid }

    /// What it has printed, without what stood in the file before.
    package var output: String { String(decoding: Self.text(of: logPath).utf8.dropFirst(begin), as: UTF8.self) }

    /// The exit status if it has ended, 128 + n after signal n.
    package var exitStatus: Int32? { process.exitStatus() }

    package func signal(_ signal: Int32) {
        process.signal(signal)
    }

    /// Ends the process with a signal and waits for it; gives its exit status.
    package func stop(_ signal: Int32) -> Int32 {
        process.signal(signal)
        return process.wait()
    }

    /// All that is in a log; nothing if there is none.
    package static func text(of logPath: String) -> String {
        (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? ""
    }
}
