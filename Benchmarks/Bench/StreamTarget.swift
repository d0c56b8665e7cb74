import Foundation
import PostgresHarness
import PostgresWAL
import ReplicationProtocol
import SafekeeperHarness
import ShardIdentity

/// A real safekeeper in a folder of its own, with a proposer that has been elected.
final class StreamTarget {
    static let tenant = TenantID(bits: 0xA6)
    static let timeline = TimelineID(bits: 0xB6)

    let safekeeper: SafekeeperProcess
    let proposer: RawProposer
    let folder: String
    let start: LSN

    init(startingAt start: LSN, version: PostgresMajorVersion, in parent: String) throws {
        self.start = start
        folder = parent + "/stream-bench-\(UUID().uuidString)"
        let directory = folder + "/data"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        do {
            safekeeper = SafekeeperProcess(
                directory: directory,
                flags: ["--no-sync", "--log-level", "warn,start=info"]
            )
            try safekeeper.start()
            proposer = try RawProposer(
                port: safekeeper.port,
                tenant: Self.tenant,
                timeline: Self.timeline,
                timeout: 600
            )
            try proposer.elect(start: start, version: UInt32(version.rawValue) * 10_000)
        } catch {
            try? FileManager.default.removeItem(atPath: folder)
            throw error
        }
    }

    deinit {
        safekeeper.stop(SIGKILL)
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Processor time that the safekeeper has taken, in seconds.
    func processorSeconds() throws -> Double {
        guard let pid = safekeeper.pid else { throw SafekeeperFailure(message: "the safekeeper has gone") }
        return try ProcessUsage.processorSeconds(of: pid)
    }

    /// Starts a process that receives for some shards of a layout.
    func receivers(_ shards: Range<UInt8>, of count: UInt8, upTo end: LSN, term: Term? = nil) throws -> ReceiverProcess
    {
        var assignment = ReceiverProcess.Assignment(
            tenant: Self.tenant,
            timeline: Self.timeline,
            shards: shards,
            count: count,
            start: start,
            end: end
        )
        assignment.term = term
        return try ReceiverProcess(port: safekeeper.port, assignment, in: folder)
    }
}
