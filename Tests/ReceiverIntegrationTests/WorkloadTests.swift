import Foundation
import Ingest
import IngestHarness
import InterpretedWAL
import PageserverHarness
import PageserverServer
import PostgresHarness
import PostgresWAL
import ReplicationProtocol
import SafekeeperHarness
import ShardIdentity
import TestFixtures
import Testing
import WalReceiver

/// The way from a server's WAL over a real safekeeper into shards, in both protocols.
@Suite("a whole workload", .serialized)
struct WorkloadTests {
    /// The shards of one protocol: one that is not sharded, two, and eight.
    private struct Layouts {
        var whole: RunningShard
        var sharded: [[RunningShard]]

        var all: [RunningShard] { [whole] + sharded.flatMap { $0 } }
    }

    private func layouts(
        _ backup: String,
        major: Int,
        port: UInt16,
        _ selection: WALReceiverProtocol
    ) throws -> Layouts {
        var targets = [(shard: try timelineShard(major: major), store: InMemoryStore() as any VersionedStore)]
        for count in [UInt8(2), 8] {
            for number in 0..<count {
                // Small stripes, so that small relations have blocks on many shards.
                let shard = try timelineShard(number, of: count, major: major, stripe: 4)
                targets.append((shard, InMemoryStore()))
            }
        }
        try BackupImport.run(.archive(backup), into: targets)
        let shards = try targets.map { try RunningShard($0.shard, $0.store, port: port, selection) }
        return Layouts(whole: shards[0], sharded: [Array(shards[1...2]), Array(shards[3...10])])
    }

    private func start(of backup: String, major: Int) throws -> LSN {
        try BackupImport.run(.archive(backup), into: [(try timelineShard(major: major), InMemoryStore())])
    }

    @Test(
        "the server at work, a proposer, three safekeepers; 1, 2 and 8 shards, vanilla and interpreted",
        arguments: [15, 16, 17]
    )
    func live(major: Int) async throws {
        // Starting servers blocks.
        try await withTaskExecutorPreference(BlockingExecutor.shared) {
            var run = try Workload.Run(major: major)
            let start = try start(of: run.baseBackup, major: major)
            let pushed = try PushedTimeline(run.server, from: start)
            try await pushed.waitUntilDurable(start, isConnected: true)
            let ports = pushed.safekeepers.map(\.port)
            let raw = try layouts(run.baseBackup, major: major, port: ports[0], vanilla)
            let cooked = try layouts(run.baseBackup, major: major, port: ports[1], interpreted)
            try run.work()
            // A server that is told to stop sends all it has to who is connected.
            try await pushed.waitUntilDurable(try run.server.currentWALFlushLSN(), isConnected: true)
            let outcome = try run.finish()
            try await pushed.waitUntilDurable(outcome.end, isConnected: false)
            try await check(outcome, from: start, (raw, pushed.safekeepers[0]), (cooked, pushed.safekeepers[1]))
            try await pushed.stop()
        }
    }

    @Test("WAL that is there already; 1, 2 and 8 shards, vanilla and interpreted")
    func catchingUp() async throws {
        let outcome = try Workload.shared(major: 15)
        let start = try start(of: outcome.baseBackup, major: 15)
        let kept = try KeptTimeline(outcome.walDirectory, from: start, to: outcome.end)
        defer { withExtendedLifetime(kept) {} }
        try kept.push()
        let raw = try layouts(outcome.baseBackup, major: 15, port: kept.safekeeper.port, vanilla)
        let cooked = try layouts(outcome.baseBackup, major: 15, port: kept.safekeeper.port, interpreted)
        try await check(outcome, from: start, (raw, kept.safekeeper), (cooked, kept.safekeeper))
    }

    /// Waits for all shards, and holds them against each other and against the server's files.
    private func check(
        _ outcome: Workload.Outcome,
        from start: LSN,
        _ vanilla: (layouts: Layouts, safekeeper: SafekeeperProcess),
        _ interpreted: (layouts: Layouts, safekeeper: SafekeeperProcess)
    ) async throws {
        let end = outcome.end.recordAligned
        let (raw, cooked) = (vanilla.layouts, interpreted.layouts)
        for shard in raw.all + cooked.all { try await shard.wait(for: end) }

        // (c) All stand at the same place, also in what they report.
        for shard in raw.all + cooked.all {
            #expect(shard.lastRecordLSN == end, "\(shard.sink.shard)")
            #expect(shard.receiver.status.lastError == nil)
            #expect(!shard.receiver.status.corruptionDetected)
        }
        if vanilla.safekeeper === interpreted.safekeeper {
            try await checkReports(vanilla.safekeeper, raw.all + cooked.all, at: end)
        } else {
            try await checkReports(vanilla.safekeeper, raw.all, at: end)
            try await checkReports(interpreted.safekeeper, cooked.all, at: end)
        }
        for shard in raw.all + cooked.all { await shard.stop() }

        // (a) Both protocols leave the same.
        var contents: [StoreContent] = []
        for (one, other) in zip(raw.all, cooked.all) {
            let content = try StoreContent(other.store)
            #expect(try StoreContent(one.store).differences(from: content) == [], "\(one.sink.shard)")
            contents.append(content)
        }
        // (b) Shards hold together what one would.
        for (shards, parts) in zip(cooked.sharded, [contents[1...2], contents[3...10]]) {
            var union = UnionComparison((cooked.whole.sink.reader, contents[0]), at: end)
            try union.compare(zip(shards, parts).map { ($0.sink.reader, $1) })
            #expect(union.differences.prefix(10) == [])
            #expect(union.blocks > 1000 && union.sizes.tables > 100 && union.sizes.maps > 100, "\(union.sizes)")
            #expect(union.smaller > 10 && union.unknown > 10, "\(union.smaller) and \(union.unknown)")
        }
        try checkFiles(outcome, cooked, at: end)
        try checkLoggedSizes(outcome, cooked.whole, from: start, to: end)
    }

    /// After the end of the WAL each keep-alive is answered with the last record, on every shard.
    private func checkReports(_ safekeeper: SafekeeperProcess, _ shards: [RunningShard], at end: LSN) async throws {
        let path = "/v1/tenant/\(tenant)/timeline/\(timeline)"
        var body = ""
        try await eventually("all \(shards.count) senders at \(end): \(body)") {
            body = try await safekeeper.call("GET", path).body
            return body.components(separatedBy: "\"last_received_lsn\":\"\(end)\"").count == shards.count + 1
        }
    }

    /// (d), (e), (f): what the stopped server has in its files.
    private func checkFiles(_ outcome: Workload.Outcome, _ layouts: Layouts, at end: LSN) throws {
        let files = try DataDirectory(outcome.server.dataDirectory)
        for shards in [[layouts.whole]] + layouts.sharded {
            for (index, shard) in shards.enumerated() {
                var comparison = ServerComparison(shard.sink.reader, at: end, files)
                try comparison.compareVisibilityMaps()
                if index == 0 {
                    try comparison.compareRelations()
                    try comparison.compareMapSizes()
                    try comparison.compareSLRUs()
                    #expect(comparison.count > 500)
                    #expect(comparison.mapSizes.equal > 100, "\(comparison.mapSizes)")
                }
                #expect(comparison.differences == [], "\(shard.sink.shard)")
            }
            var images = ImageComparison(shards.map(\.sink.reader), at: end, files)
            try images.compare()
            #expect(images.differences == [])
            #expect(images.equal > 300, "\(images.equal) equal, \(images.hinted) but for hints")
            print(
                "PostgreSQL \(outcome.server.installation.major), \(shards.count) shards: pages whose newest value is an image: \(images.equal) equal, \(images.hinted) but for hints"
            )
        }
    }

    /// The maps' sizes follow from the backup and from the blocks that records name, and so does what they lack.
    private func checkLoggedSizes(
        _ outcome: Workload.Outcome,
        _ shard: RunningShard,
        from start: LSN,
        to end: LSN
    ) throws {
        let reader = shard.sink.reader
        let logged = try LoggedSizes(outcome.walDirectory, from: start, to: outcome.end)
        let imported = Set(try reader.databases(at: start.recordAligned).map(\.database))
        var count = 0
        for relation in try DataDirectory(outcome.server.dataDirectory).sizes.keys
        where relation.fork == ForkNumber.freeSpaceMap || relation.fork == ForkNumber.visibilityMap {
            let locator = relation.locator
            let database = DatabaseLocator(tablespace: locator.tablespace, database: locator.database)
            // A database that was copied file by file has maps that no record names.
            guard imported.contains(database), !logged.cut.contains(locator) else { continue }
            let before = try reader.relationSize(relation, at: start.recordAligned) ?? 0
            let size = try reader.relationSize(relation, at: end) ?? 0
            #expect(size == max(before, logged.blocks[relation] ?? 0), "\(relation)")
            count += 1
        }
        #expect(count > 100)
    }
}
