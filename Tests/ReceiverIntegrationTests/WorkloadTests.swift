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
        _ outcome: Workload.Outcome,
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
        try BackupImport.run(.archive(outcome.baseBackup), into: targets)
        let shards = try targets.map { try RunningShard($0.shard, $0.store, port: port, selection) }
        return Layouts(whole: shards[0], sharded: [Array(shards[1...2]), Array(shards[3...10])])
    }

    @Test("vanilla and interpreted, 1, 2 and 8 shards", arguments: PostgresInstallation.majors)
    func everything(major: Int) async throws {
        let outcome = try Workload.shared(major: major)
        let start = try BackupImport.run(
            .archive(outcome.baseBackup),
            into: [(try timelineShard(major: major), InMemoryStore())]
        )
        let kept = try KeptTimeline(outcome.walDirectory, from: start, to: outcome.end)
        defer { withExtendedLifetime(kept) {} }
        try kept.push()
        let end = outcome.end.recordAligned
        let raw = try layouts(outcome, major: major, port: kept.safekeeper.port, vanilla)
        let cooked = try layouts(outcome, major: major, port: kept.safekeeper.port, interpreted)
        for shard in raw.all + cooked.all { try await shard.wait(for: end) }

        // (c) All stand at the same place, also in what they report.
        for shard in raw.all + cooked.all {
            #expect(shard.lastRecordLSN == end, "\(shard.sink.shard)")
            #expect(shard.receiver.status.lastError == nil)
            #expect(!shard.receiver.status.corruptionDetected)
        }
        try await checkReports(kept, raw.all + cooked.all, at: end)
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
            let blocks = checkUnion(contents[0], Array(zip(shards.map(\.sink.shard.identity), parts)))
            #expect(blocks > 1000)
        }

        try checkFiles(outcome, cooked, at: end)
    }

    /// After the end of the WAL each keep-alive is answered with the last record, on every shard.
    private func checkReports(_ kept: KeptTimeline, _ shards: [RunningShard], at end: LSN) async throws {
        let path = "/v1/tenant/\(tenant)/timeline/\(timeline)"
        var body = ""
        try await eventually("all \(shards.count) senders at \(end): \(body)") {
            body = try await kept.safekeeper.call("GET", path).body
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
                    try comparison.compareSLRUs()
                    #expect(comparison.count > 500)
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
}
