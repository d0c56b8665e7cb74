import Foundation
import PostgresWAL
import SafekeeperHarness
import ShardIdentity
import TestFixtures

/// A real safekeeper with a proposer that has WAL for it, and what each shard is to get of that.
final class StreamedTimeline {
    static let tenant = TenantID(bits: 0xA5)
    static let timeline = TimelineID(bits: 0xB5)
    static let stripeSize: UInt32 = 2048

    let wal: GeneratedWAL
    let safekeeper: SafekeeperProcess
    let proposer: RawProposer
    let folder: TemporaryFolder
    /// The digests of the shards, by number.
    let expected: [String]

    /// Starts a safekeeper and elects the proposer.
    ///
    /// - Parameters:
    ///   - wal: the WAL that there is to be.
    ///   - shards: how many shards the layout has.
    ///   - flags: flags of the safekeeper.
    /// - Throws: what went wrong with the process, the connection or the WAL.
    init(_ wal: GeneratedWAL, shards: UInt8, flags: [String] = []) throws {
        self.wal = wal
        folder = try TemporaryFolder()
        let directory = folder.path(of: "data")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        safekeeper = SafekeeperProcess(directory: directory, flags: flags)
        try safekeeper.start()
        proposer = try RawProposer(port: safekeeper.port, tenant: Self.tenant, timeline: Self.timeline, timeout: 120)
        try proposer.elect(start: wal.start)
        let identities = try (0..<shards).map {
            try ShardIdentity(number: $0, count: shards, stripeSize: Self.stripeSize)
        }
        expected = try ShardDigest.expected(
            of: wal.bytes,
            version: wal.version,
            startingAt: wal.start,
            shards: identities
        ).map(\.description)
    }

    /// Starts a process that receives for some of the shards.
    func receivers(_ shards: Range<UInt8>, stay: Bool = false) throws -> ReceiverProcess {
        var assignment = ReceiverProcess.Assignment(
            tenant: Self.tenant,
            timeline: Self.timeline,
            shards: shards,
            count: UInt8(expected.count),
            stripeSize: Self.stripeSize,
            start: wal.start,
            end: wal.end
        )
        assignment.stays = stay
        return try ReceiverProcess(port: safekeeper.port, assignment, in: folder.path)
    }

    /// Those of the results that are not what decoding at home gives.
    func wrong(_ results: [UInt8: ReceiverProcess.Result]) -> [String] {
        results.filter { $0.value.digest != expected[Int($0.key)] }
            .map { "shard \($0.key): \($0.value.digest), not \(expected[Int($0.key)])" }
    }

    /// A metric's value, of all its series together.
    func metric(_ name: String) throws -> Double {
        let answer = try HTTPClient(port: Int(safekeeper.httpPort)).wait("GET", "/metrics")
        return answer.body.split(separator: "\n").filter { $0.hasPrefix(name + "{") || $0.hasPrefix(name + " ") }
            .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
    }
}
