import Ingest
import InterpretedWAL
import PostgresHarness
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing

/// A base backup and the WAL behind it, against the files of the server that wrote both.
@Suite(.serialized)
struct RealServerTests {
    @Test("what was ingested of a workload is what the server has", arguments: PostgresInstallation.majors)
    func workload(major: Int) throws {
        let outcome = try Workload.shared(major: major)
        let version = try #require(PostgresMajorVersion(rawValue: major))
        let folder = try TemporaryFolder()
        let whole = try testShard(version: version)
        let parts = try (0..<4).map { try testShard($0, of: 4, stripe: 2, version: version) }

        let wholeStore = try RocksDBStore(path: folder.path(of: "store"))
        let partStores = parts.map { _ in InMemoryStore() }
        let targets: [(shard: TimelineShard, store: any VersionedStore)] =
            [(whole, wholeStore)] + zip(parts, partStores).map { ($0, $1) }
        let start = try BackupImport.run(.archive(outcome.baseBackup), into: targets)

        let warnings = Warnings()
        var options = IngestOptions()
        options.onWarning = { warnings.add($0) }
        let shards = try targets.map { try ShardIngest(opening: $0.store, as: $0.shard, options: options) }
        #expect(shards.allSatisfy { $0.positions.isInBackup && $0.positions.lastRecordLSN == start })
        let feed = try WALFeed(outcome.walDirectory, from: start, to: outcome.end)
        try feed.ingest(into: shards)

        #expect(warnings.all == [])
        for shard in shards {
            #expect(shard.positions.lastRecordLSN == outcome.end.recordAligned)
            #expect(!shard.positions.isInBackup)
        }
        let files = try DataDirectory(outcome.server.dataDirectory)
        try compareRelations(shards[0], with: files)
    }

    private func compareRelations(_ shard: ShardIngest, with files: DataDirectory) throws {
        let lsn = shard.positions.lastRecordLSN
        let reader = shard.reader
        var stored: [RelationTag: Int] = [:]
        for (database, _) in try reader.databases(at: lsn) {
            for relation in try reader.relations(of: database, at: lsn) {
                stored[relation] = Int(try reader.relationSize(relation, at: lsn) ?? 0) * 8192
            }
        }
        let unlogged = files.unlogged
        let isCompared = { (relation: RelationTag) in
            relation.fork == ForkNumber.initialization
                || relation.fork == ForkNumber.main && !unlogged.contains(relation.locator)
        }
        let expected = files.sizes.filter { isCompared($0.key) }
        let found = stored.filter { isCompared($0.key) }
        for (relation, size) in expected where found[relation] != size {
            print("only there or other size:", relation, size, found[relation] as Any)
        }
        for (relation, size) in found where expected[relation] == nil {
            print("only stored:", relation, size)
        }
        #expect(expected == found)
    }
}
