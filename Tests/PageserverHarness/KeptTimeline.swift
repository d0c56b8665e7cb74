import Foundation
import PostgresHarness
import PostgresWAL
import SafekeeperHarness
import ShardIdentity
import TestFixtures
import WALFiles

let tenant = TenantID(bits: 0xA0)
let timeline = TimelineID(bits: 0xB0)

/// A safekeeper with a timeline: the WAL of a server, pushed to it from the files.
final class KeptTimeline {
    let safekeeper: SafekeeperProcess
    /// Where the WAL begins, and where it ends.
    let start: LSN
    let end: LSN
    private let folder: TemporaryFolder
    private let wal: WALDirectory
    private var proposer: RawProposer?

    /// Starts the safekeeper; it has nothing yet.
    init(_ walDirectory: String, from start: LSN, to end: LSN, node: UInt64 = 1) throws {
        folder = try TemporaryFolder()
        let directory = folder.path(of: "data")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        safekeeper = SafekeeperProcess(directory: directory, node: node, flags: ["--no-sync"])
        wal = try WALDirectory(path: walDirectory)
        self.start = start
        self.end = end
        try safekeeper.start()
    }

    /// Pushes the WAL up to `limit` and commits it; all of it if that is nil.
    func push(to limit: LSN? = nil) throws {
        let limit = min(limit ?? end, end)
        let proposer = try self.proposer ?? elected()
        self.proposer = proposer
        var reader = WALFileReader(directory: wal, startingAt: proposer.position)
        while let chunk = try reader.next(before: limit) {
            try proposer.append(chunk)
            try proposer.takeAnswers()
        }
        try proposer.append(RawSpan(), commit: limit)
        // Durable is what is whole: a record that the limit cuts is not.
        try proposer.waitUntilDurable(limit == end ? limit : limit - (2 << 20))
        // The commit position is durable with the next message at the latest; receivers see it at once.
        try proposer.append(RawSpan(), commit: limit)
    }

    private func elected() throws -> RawProposer {
        let proposer = try RawProposer(port: safekeeper.port, tenant: tenant, timeline: timeline)
        try proposer.elect(start: start, version: UInt32(wal.version.rawValue) * 10_000)
        return proposer
    }

    /// Lets the proposer go; the next push begins with an election.
    func disconnectProposer() {
        proposer = nil
    }
}
