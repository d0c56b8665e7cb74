import Ingest
import IngestHarness
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
        let store = try RocksDBStore(path: folder.path(of: "store"))
        let target = try testShard(version: version)
        let start = try BackupImport.run(.archive(outcome.baseBackup), into: [(target, store)])

        let warnings = Warnings()
        var options = IngestOptions()
        options.onWarning = { warnings.add($0) }
        let shard = try ShardIngest(opening: store, as: target, options: options)
        #expect(shard.positions.isInBackup)
        #expect(shard.positions.lastRecordLSN == start)
        try WALFeed(outcome.walDirectory, from: start, to: outcome.end).ingest(into: [shard])

        #expect(warnings.all == [])
        #expect(shard.positions.lastRecordLSN == outcome.end.recordAligned)
        #expect(!shard.positions.isInBackup)
        #expect(shard.positions.diskConsistentLSN == start)
        try shard.flush()
        #expect(shard.positions.diskConsistentLSN == shard.positions.lastRecordLSN)

        var comparison = ServerComparison(shard, try DataDirectory(outcome.server.dataDirectory))
        try comparison.compareRelations()
        try comparison.compareMapSizes()
        try comparison.compareVisibilityMaps()
        try comparison.compareSLRUs()
        #expect(comparison.differences == [], "PostgreSQL \(major)")
        #expect(comparison.count > 1000)
        try checkCounters(shard, outcome.server)
    }

    private func checkCounters(_ shard: ShardIngest, _ server: PostgresServer) throws {
        let checkpoint = try shard.reader.checkpoint(at: shard.positions.lastRecordLSN)
        let next = try server.controlData("Latest checkpoint's NextXID").split(separator: ":").compactMap { UInt64($0) }
        let nextXID = next[0] << 32 | next[1]
        // Ours moves in steps of 1024.
        #expect((nextXID...nextXID + 1024).contains(checkpoint.nextXID))
        #expect("\(checkpoint.nextOID)" == (try server.controlData("Latest checkpoint's NextOID")))
        #expect("\(checkpoint.nextMultiXact)" == (try server.controlData("Latest checkpoint's NextMultiXactId")))
        #expect("\(checkpoint.nextMultiXactOffset)" == (try server.controlData("Latest checkpoint's NextMultiOffset")))
        #expect("\(checkpoint.oldestXID)" == (try server.controlData("Latest checkpoint's oldestXID")))
        #expect(checkpoint.redo == shard.positions.lastRecordLSN.rawValue)
    }
}
