import Foundation
import PostgresHarness
package import PostgresWAL
package import ReplicationProtocol
package import ShardIdentity

/// A real process that receives interpreted WAL for some shards, and may be stopped; it is killed when its owner goes.
package final class ReceiverProcess {
    /// Which shards of which timeline, and how far.
    package struct Assignment: Sendable {
        package var tenant: TenantID
        package var timeline: TimelineID
        package var shards: Range<UInt8>
        package var count: UInt8
        package var stripeSize: UInt32
        package var start: LSN
        package var end: LSN
        /// See ``ShardClient/Request/term``.
        package var term: Term?
        /// Whether it goes on receiving after the end.
        package var stays = false

        package init(
            tenant: TenantID,
            timeline: TimelineID,
            shards: Range<UInt8>,
            count: UInt8,
            stripeSize: UInt32 = 2048,
            start: LSN,
            end: LSN
        ) {
            self.tenant = tenant
            self.timeline = timeline
            self.shards = shards
            self.count = count
            self.stripeSize = stripeSize
            self.start = start
            self.end = end
        }
    }

    /// What a shard had when it was through.
    package struct Result: Hashable, Sendable {
        /// When that was: ``monotonicNanoseconds()``.
        package let time: UInt64
        /// Bytes of payloads, compressed.
        package let wireBytes: UInt64
        /// The description of its ``ShardDigest``.
        package let digest: String
    }

    package let assignment: Assignment
    private let process: ChildProcess
    private let outputPath: String

    /// Starts the process.
    ///
    /// - Parameters:
    ///   - port: the safekeeper's port for WAL.
    ///   - assignment: what to receive.
    ///   - folder: where its output goes.
    /// - Throws: ``SafekeeperFailure`` if the program isn't there, or can't be started.
    package init(port: UInt16, _ assignment: Assignment, in folder: String) throws {
        self.assignment = assignment
        outputPath = "\(folder)/receivers-\(UUID().uuidString)"
        let output = open(outputPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer {
            close(output)
            close(nothing)
        }
        var arguments = [
            try SafekeeperProcess.executable(named: "shard-receivers"), "--port", "\(port)",
            "--tenant", "\(assignment.tenant)", "--timeline", "\(assignment.timeline)",
            "--first", "\(assignment.shards.lowerBound)", "--shards", "\(assignment.shards.count)",
            "--count", "\(assignment.count)", "--stripe-size", "\(assignment.stripeSize)",
            "--start", "\(assignment.start)", "--end", "\(assignment.end)",
        ]
        if let term = assignment.term { arguments += ["--term", "\(term.rawValue)"] }
        if assignment.stays { arguments.append("--stay") }
        process = try ChildProcess(
            arguments,
            environment: ProcessInfo.processInfo.environment,
            streams: .init(input: nothing, output: output, errors: output)
        )
    }

    deinit { stop() }

    /// The process id.
    package var pid: Int32 { process.pid }

    /// Kills the process.
    package func stop() {
        process.signal(SIGCONT)
        process.signal(SIGKILL)
        process.wait()
    }

    /// Stops (`SIGSTOP`) or continues (`SIGCONT`) the process.
    package func signal(_ signal: Int32) { process.signal(signal) }

    /// How many shards have been sent something.
    package var attachedCount: Int { lines(of: "attached").count }

    /// How many shards are through.
    package var finishedCount: Int { lines(of: "finished").count }

    /// Waits until all shards have been sent something.
    package func waitUntilAttached(timeout: Duration = .seconds(30)) throws {
        try wait(timeout, for: "be attached") { attachedCount == assignment.shards.count }
    }

    /// Waits until all shards are through.
    ///
    /// - Parameters:
    ///   - timeout: how long.
    ///   - meanwhile: is called now and then.
    /// - Returns: what each shard has.
    /// - Throws: ``SafekeeperFailure`` if they don't get there; what `meanwhile` throws.
    package func results(timeout: Duration, meanwhile: () throws -> Void = {}) throws -> [UInt8: Result] {
        try wait(timeout, for: "be through", meanwhile) { finishedCount == assignment.shards.count }
        var results: [UInt8: Result] = [:]
        for words in lines(of: "finished") {
            guard words.count == 5, let shard = UInt8(words[1]), let time = UInt64(words[2]),
                let bytes = UInt64(words[3])
            else { throw SafekeeperFailure(message: "receivers have said \(words)") }
            results[shard] = Result(time: time, wireBytes: bytes, digest: words[4])
        }
        return results
    }

    private func wait(
        _ timeout: Duration,
        for what: String,
        _ meanwhile: () throws -> Void = {},
        _ condition: () -> Bool
    ) throws {
        let deadline = ContinuousClock.now + timeout
        while !condition() {
            let failures = lines(of: "failed")
            guard failures.isEmpty, process.exitStatus() ?? 0 == 0, ContinuousClock.now < deadline else {
                throw SafekeeperFailure(message: "receivers of \(assignment.shards) don't come to \(what): \(output)")
            }
            try meanwhile()
            usleep(5_000)
        }
    }

    private var output: String { (try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? "" }

    private func lines(of kind: String) -> [[String]] {
        // The last line may be on its way.
        output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            .map { $0.split(separator: " ").map(String.init) }.filter { $0.first == kind }
    }
}
