import Foundation
import PostgresWAL
import ReplicationProtocol
import SafekeeperHarness
import SafekeeperServer
import ShardIdentity
import TestFixtures
import Testing

/// When a real safekeeper removes WAL that all shards have.
@Suite("Removal of WAL")
struct RemovalTests {
    private static let tenant = TenantID(bits: 0xA7)
    private static let timeline = TimelineID(bits: 0xB7)

    @Test("Without an object store WAL goes once all shards have it; with one it stays", arguments: [true, false])
    func removal(disablesBackup: Bool) async throws {
        try await onThread { try Self.run(disablesBackup: disablesBackup) }
    }

    private static func run(disablesBackup: Bool) throws {
        let segmentSize = try #require(WALSegmentSize(bytes: 1 << 20))
        let wal = try GeneratedWAL(bytes: 7 << 20, segmentSize: segmentSize)
        let folder = try TemporaryFolder()
        let directory = folder.path(of: "data")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let flags = ["--control-file-save-interval", "100ms"] + (disablesBackup ? ["--disable-wal-backup"] : [])
        let safekeeper = SafekeeperProcess(directory: directory, flags: flags)
        try safekeeper.start()
        let proposer = try RawProposer(port: safekeeper.port, tenant: tenant, timeline: timeline)
        try proposer.elect(start: wal.start, segmentSize: UInt32(segmentSize.bytes))
        let clients = try (0..<2).map { number in
            try ShardClient(
                ShardClient.Request(
                    port: safekeeper.port,
                    tenant: tenant,
                    timeline: timeline,
                    shard: try ShardIdentity(number: number, count: 2, stripeSize: 8),
                    start: wal.start
                )
            )
        }
        /// Pushes up to a record's end, and waits until both shards have that.
        func push(megabytes: Int) throws -> LSN {
            let end = try GeneratedWAL(bytes: megabytes << 20, segmentSize: segmentSize).end
            let from = Int(proposer.position.rawValue - wal.start.rawValue)
            try proposer.push(Array(wal.bytes[from..<Int(end.rawValue - wal.start.rawValue)]))
            for client in clients { try client.receive(upTo: end) }
            return end
        }
        let middle = try push(megabytes: 5)

        let timelineFolder = "\(directory)/\(tenant)/\(timeline)"
        let files = SegmentFiles(directory: timelineFolder, of: PosixFileSystem(), segmentSize: segmentSize)
        func segments() throws -> Int { try files.list().count }
        func persisted() throws -> ControlFile {
            try ControlFileStore.load(from: timelineFolder, of: PosixFileSystem()).persisted
        }
        let all = try segments()
        #expect(all >= 5)
        // One of two shards has everything: nothing may go.
        try clients[0].reply(PageserverFeedback(lastReceived: middle, remoteConsistent: middle))
        let half = wal.start + UInt64(5 << 19)
        try clients[1].reply(PageserverFeedback(lastReceived: middle, remoteConsistent: half))
        try eventually("the slower shard's position is stored") { try persisted().remoteConsistentLSN == half }
        if disablesBackup {
            try eventually("what both have has gone") { try segments() == all - 2 }
        }
        let last = try push(megabytes: 6)
        for client in clients { try client.reply(PageserverFeedback(lastReceived: last, remoteConsistent: last)) }
        try eventually("both have everything") { try persisted().remoteConsistentLSN == last }
        if disablesBackup {
            try eventually("one segment is left") { try segments() == 1 }
        } else {
            // WAL is removed after the control file was stored, and before it is stored again.
            _ = try push(megabytes: 7)
            try eventually("the control file is stored again") { try persisted().commitLSN > last }
            #expect(try segments() == all + 2)
        }
        #expect(safekeeper.stop() == 0)
    }

    private static func eventually(_ what: String, _ condition: () throws -> Bool) throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while try !condition() {
            guard ContinuousClock.now < deadline else { throw SafekeeperFailure(message: "not so: \(what)") }
            usleep(5_000)
        }
    }
}
