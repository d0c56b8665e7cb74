import Foundation
import Ingest
import PageserverHarness
import PostgresHarness
import PostgresWAL
import SafekeeperHarness
import ShardIdentity
import Testing
import WalReceiver

/// What the README says about embedding is what is compiled here, and it works.
struct EmbeddingTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

    @Test("the README has the example, in 40 lines")
    func readme() throws {
        let example = try String(
            contentsOf: Self.folder.appendingPathComponent("EmbeddingExample.swift"),
            encoding: .utf8
        )
        let readme = try String(contentsOf: Self.folder.appendingPathComponent("../../README.md"), encoding: .utf8)
        #expect(readme.contains("```swift\n\(example)```"))
        #expect(example.split(separator: "\n", omittingEmptySubsequences: true).count <= 40)
    }

    @Test("the example receives")
    func works() async throws {
        let outcome = try Workload.shared(major: 15)
        let store = InMemoryStore()
        let shard = try timelineShard()
        let start = try BackupImport.run(.archive(outcome.baseBackup), into: [(shard, store)])
        let kept = try KeptTimeline(outcome.walDirectory, from: start, to: outcome.end)
        defer { withExtendedLifetime(kept) {} }
        // The backup has ended its segment: what follows is in the next one.
        try kept.push(to: start + (20 << 20))
        let safekeepers = [
            Safekeeper(number: SafekeeperNumber(1), host: "127.0.0.1", port: kept.safekeeper.port)
        ]
        let receiver = try host(shard, store, safekeepers)
        let task = Task { await receiver.run() }
        try await eventually("\(receiver.status)") { receiver.status.statistics.records > 100 }
        await receiver.stop()
        await task.value
        let lsn = try ShardIngest(opening: store, as: shard).positions.lastRecordLSN
        #expect(lsn > start && lsn <= kept.end)
    }
}
