import Ingest
import PageserverHarness
import PageserverServer
import PostgresHarness
import PostgresWAL
import SafekeeperHarness
import WalReceiver

/// A timeline at a safekeeper, and what a shard has of it if nothing disturbs.
struct ReferenceRun {
    let outcome: Workload.Outcome
    let kept: KeptTimeline
    /// Where the last record ends that is to be received.
    let end: LSN
    let content: StoreContent

    /// Pushes the whole workload of PostgreSQL 15.
    init() async throws {
        outcome = try Workload.shared(major: 15)
        let store = InMemoryStore()
        let shard = try timelineShard()
        let start = try BackupImport.run(.archive(outcome.baseBackup), into: [(shard, store)])
        kept = try KeptTimeline(outcome.walDirectory, from: start, to: outcome.end)
        try kept.push()
        end = outcome.end.recordAligned
        let undisturbed = try RunningShard(shard, store, port: kept.safekeeper.port, interpreted)
        try await undisturbed.wait(for: end)
        await undisturbed.stop()
        content = try StoreContent(store)
    }

    /// A new store with the backup in it.
    func importedStore() throws -> InMemoryStore {
        let store = InMemoryStore()
        try BackupImport.run(.archive(outcome.baseBackup), into: [(try timelineShard(), store)])
        return store
    }
}
