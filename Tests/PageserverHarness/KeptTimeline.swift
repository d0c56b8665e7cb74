import Foundation
package import PostgresWAL
package import SafekeeperHarness
package import ShardIdentity
import TestFixtures
import WALFiles

/// A safekeeper with a timeline: the WAL of a server, pushed to it from the files.
package final class KeptTimeline {
    package static let tenant = TenantID(bits: 0xA0)
    package static let timeline = TimelineID(bits: 0xB0)

    package private(set) var safekeeper: SafekeeperProcess
    /// Where the WAL begins, and where it ends.
    package let start: LSN
    package let end: LSN
    private let folder: TemporaryFolder
    private let wal: WALDirectory
    private var proposer: RawProposer?
    private var committed: LSN

    /// Starts the safekeeper; it has nothing yet.
    ///
    /// - Parameters:
    ///   - walDirectory: the server's folder of WAL.
    ///   - start: where the timeline begins.
    ///   - end: the end of the last record.
    ///   - node: the safekeeper's number.
    /// - Throws: what keeps it from starting.
    package init(_ walDirectory: String, from start: LSN, to end: LSN, node: UInt64 = 1) throws {
        folder = try TemporaryFolder()
        let directory = folder.path(of: "data")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        safekeeper = SafekeeperProcess(directory: directory, node: node, flags: ["--no-sync"])
        wal = try WALDirectory(path: walDirectory)
        self.start = start
        self.end = end
        committed = start
        try safekeeper.start()
    }

    /// Pushes the WAL up to `limit` and commits it; all of it if that is nil.
    package func push(to limit: LSN? = nil) throws {
        let limit = min(limit ?? end, end)
        try store(to: limit)
        try commit(limit)
    }

    /// Pushes the WAL up to `limit`, all of it if that is nil, without committing any more of it.
    package func store(to limit: LSN? = nil) throws {
        let limit = min(limit ?? end, end)
        let proposer = try self.proposer ?? elected()
        self.proposer = proposer
        var reader = WALFileReader(directory: wal, startingAt: proposer.position)
        while let chunk = try reader.next(before: limit) {
            try proposer.append(chunk, commit: committed)
            try proposer.takeAnswers()
        }
        // Durable is what is whole: a record that the limit cuts is not.
        try proposer.waitUntilDurable(limit == end ? limit : limit - (2 << 20))
    }

    /// Commits the WAL up to `limit`, which has been pushed; all of it if that is nil.
    package func commit(_ limit: LSN? = nil) throws {
        guard let proposer else { preconditionFailure("nothing was pushed") }
        committed = max(committed, limit ?? end)
        try proposer.append(RawSpan(), commit: committed)
        // The commit position is durable with the next message at the latest; receivers see it at once.
        try proposer.append(RawSpan(), commit: committed)
    }

    private func elected() throws -> RawProposer {
        let proposer = try RawProposer(port: safekeeper.port, tenant: Self.tenant, timeline: Self.timeline)
        try proposer.elect(start: start, version: UInt32(wal.version.rawValue) * 10_000)
        return proposer
    }

    /// Stops the safekeeper in order, and starts it with more flags on the same data; what is committed stays so.
    package func restart(flags: [String]) async throws {
        disconnectProposer()
        let stored = try await safekeeper.call("POST", "/v1/tenant/\(Self.tenant)/timeline/\(Self.timeline)/checkpoint")
        guard stored.status == 200 else { throw SafekeeperFailure(message: "checkpoint: \(stored)") }
        safekeeper.stop()
        safekeeper = SafekeeperProcess(
            directory: safekeeper.directory,
            node: safekeeper.node,
            flags: ["--no-sync"] + flags
        )
        try safekeeper.start()
    }

    /// Lets the proposer go; the next push begins with an election.
    package func disconnectProposer() {
        proposer = nil
    }
}
