import Foundation
import PostgresHarness

/// One of the project's programs at work, with a log of its own.
final class Program {
    /// What people call it.
    let name: String
    private let arguments: [String]
    private let logPath: String
    private let undoing: Undoing
    private var child: ChildProcess?

    /// - Parameters:
    ///   - name: what people call it.
    ///   - arguments: its path, and what is passed to it.
    ///   - log: the file for its output, which grows over restarts.
    ///   - undoing: what kills it in the end.
    init(_ name: String, _ arguments: [String], log: String, undoing: Undoing) {
        self.name = name
        self.arguments = arguments
        logPath = log
        self.undoing = undoing
    }

    /// The memory that it has resident, in bytes; nil if it doesn't run.
    var residentBytes: UInt64? {
        guard let child, child.exitStatus() == nil else { return nil }
        return try? ProcessUsage.residentBytes(of: child.pid)
    }

    /// What it has written.
    var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

    /// The last line of that.
    var lastLine: String { log.split(separator: "\n").last.map(String.init) ?? "" }

    private var logTail: String { log.split(separator: "\n").suffix(12).joined(separator: "\n") }

    /// Starts it, with more arguments; it dies with this process, however that ends.
    func start(_ more: [String] = []) throws {
        precondition(child == nil, "\(name) is running")
        let output = open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer {
            close(output)
            close(nothing)
        }
        child = try undoing.remembering {
            let child = try ChildProcess(
                ["/usr/bin/setpriv", "--pdeathsig", "KILL", "--"] + arguments + more,
                environment: Self.environment,
                streams: .init(input: nothing, output: output, errors: output),
                newSession: true
            )
            return (
                child,
                {
                    child.signal(SIGKILL)
                    child.wait()
                }
            )
        }
    }

    /// Variables of libpq would change where the programs connect to.
    private static var environment: [String: String] {
        ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("PG") }
    }

    /// Waits for a number in the log behind each of some words, in what was written since the last start.
    func numbers(behind words: [String], since: Int = 0) throws -> [UInt16] {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            let text = String(decoding: log.utf8.dropFirst(since), as: UTF8.self)
            let numbers = words.compactMap { word -> UInt16? in
                guard let range = text.range(of: word) else { return nil }
                let rest = text[range.upperBound...]
                let digits = rest.prefix { $0.isNumber }
                // A line that is not whole yet may have lost digits.
                return digits.endIndex < text.endIndex ? UInt16(digits) : nil
            }
            if numbers.count == words.count { return numbers }
            try checkIsRunning()
            guard ContinuousClock.now < deadline else {
                throw DemoError(description: "\(name) is not ready after a minute:\n\(logTail)")
            }
            usleep(5_000)
        }
    }

    /// - Throws: ``DemoError`` with the end of its log if it has ended.
    func checkIsRunning() throws {
        guard let child else { throw DemoError(description: "\(name) is not running") }
        if let status = child.exitStatus() {
            throw DemoError(description: "\(name) ended with status \(status):\n\(logTail)")
        }
    }

    /// Waits until it ends by itself; gives its exit status.
    func waitForEnd() throws -> Int32 {
        guard let child else { throw DemoError(description: "\(name) is not running") }
        self.child = nil
        return child.wait()
    }

    /// Ends it with a signal; gives its exit status, 128 + n after signal n.
    @discardableResult
    func stop(_ signal: Int32) throws -> Int32 {
        guard let child else { throw DemoError(description: "\(name) is not running") }
        child.signal(signal)
        self.child = nil
        if let status = child.wait(atMost: .seconds(60)) { return status }
        child.signal(SIGKILL)
        child.wait()
        throw DemoError(description: "\(name) did not stop within a minute:\n\(logTail)")
    }
}
