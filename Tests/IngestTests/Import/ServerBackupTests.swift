import Foundation
import Ingest
import IngestHarness
import InterpretedWAL
import PostgresHarness
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing

/// Backups of real servers: stopped ones, and one in the middle of a load.
@Suite(.serialized)
struct ServerBackupTests {
    private static let settings = ["checkpoint_timeout": "1h"]

    private func shards(of targets: [(shard: TimelineShard, store: any VersionedStore)]) throws -> [ShardIngest] {
        try targets.map { try ShardIngest(opening: $0.store, as: $0.shard) }
    }

    private func targets(_ count: UInt8) throws -> [(shard: TimelineShard, store: any VersionedStore)] {
        let whole: (shard: TimelineShard, store: any VersionedStore) = (try testShard(), InMemoryStore())
        let parts = try (0..<count).map { number in
            (shard: try testShard(number, of: count, stripe: 2), store: InMemoryStore() as any VersionedStore)
        }
        return [whole] + parts
    }

    @Test("the data directory of a stopped server, page by page, and the WAL of its next run")
    func stoppedServer() throws {
        let server = try PostgresServer(major: 15, settings: Self.settings)
        defer { server.remove() }
        try server.start()
        try server.psql(
            """
            create table t (a int primary key, b text);
            insert into t select g, repeat('t', 200) from generate_series(1, 20000) g;
            vacuum (freeze) t;
            delete from t where a % 100 = 0;
            begin; insert into t values (-1, 'p'); prepare transaction 'first';
            begin; insert into t values (-2, 'q'); prepare transaction 'second';
            """
        )
        try server.stop(.fast)

        let targets = try targets(3)
        let start = try BackupImport.run(.directory(server.dataDirectory), into: targets)
        var shards = try shards(of: targets)
        let files = try DataDirectory(server.dataDirectory)
        for shard in shards {
            var comparison = ServerComparison(shard, files)
            try comparison.comparePages()
            #expect(comparison.differences == [])
            #expect(comparison.count > 300)
            #expect(try shard.reader.preparedTransactions(at: start).count == 2)
        }
        let reader = shards[0].reader
        for xid in try reader.preparedTransactions(at: start) {
            let name = String(xid, radix: 16, uppercase: true)
            let path = "\(server.dataDirectory)/pg_twophase/\(String(repeating: "0", count: 8 - name.count))\(name)"
            #expect(try reader.preparedTransaction(xid, at: start) == Array(fileContent(path).dropLast(4)))
        }
        var comparison = ServerComparison(shards[0], files)
        try comparison.compareRelations()
        try comparison.compareVisibilityMaps()
        try comparison.compareSLRUs()
        #expect(comparison.differences == [])

        try server.start()
        try server.psql(
            """
            commit prepared 'first';
            create database by_file strategy file_copy;
            create database by_wal strategy wal_log;
            create table u as select g as a, repeat('u', 50) as b from generate_series(1, 5000) g;
            vacuum (freeze) u;
            delete from t where a > 9000;
            vacuum (freeze, truncate) t;
            truncate u;
            """
        )
        let logged = try #require(UInt32(server.psql("select oid from pg_database where datname = 'by_wal'")))
        try server.stop(.fast)
        shards = try self.shards(of: targets)
        let end = try server.endOfStoppedWAL()
        try WALFeed(server.walDirectory, from: start, to: end).ingest(into: shards)
        try check(shards, against: server, copiedByWAL: [logged])
        #expect(try shards[0].reader.preparedTransactions(at: shards[0].positions.lastRecordLSN).count == 1)
        try compareCopies(shards, server)
    }

    /// Everything that can be compared, of the whole and of the shards.
    private func check(
        _ shards: [ShardIngest],
        against server: PostgresServer,
        copiedByWAL: Set<UInt32> = []
    ) throws {
        let files = try DataDirectory(server.dataDirectory)
        for (index, shard) in shards.enumerated() {
            var comparison = ServerComparison(shard, files)
            try comparison.compareVisibilityMaps(copiedByWAL: copiedByWAL)
            if index < 2 {
                try comparison.compareRelations()
                try comparison.compareSLRUs()
                #expect(shard.positions.logicalSize == shards[0].positions.logicalSize)
            }
            #expect(comparison.differences == [], "shard \(index)")
            #expect(comparison.count > 0)
            #expect(shard.positions.lastRecordLSN == shards[0].positions.lastRecordLSN)
        }
    }

    /// Databases copied from a template that nobody touched: every page that was not changed since is the server's.
    private func compareCopies(_ shards: [ShardIngest], _ server: PostgresServer) throws {
        let text = try DataDirectory(server.dataDirectory)
        let lsn = shards[0].positions.lastRecordLSN
        let newest = try shards[0].reader.databases(at: lsn).map(\.database).filter { $0.database >= 16384 }
        #expect(newest.count == 2)
        var pages = 0
        var same = 0
        for database in newest {
            for relation in try shards[0].reader.relations(of: database, at: lsn) where relation.fork == ForkNumber.main
            {
                let file = try text.content(of: relation)
                for block in 0..<UInt32(file.count / 8192) {
                    let key = Key.relationBlock(relation, block: block)
                    let history = try shards[0].reader.history(of: key, at: lsn)
                    guard history.changes.isEmpty else { continue }
                    let owner = try #require(shards.dropFirst().first { $0.shard.identity.isLocal(key) })
                    let page = try owner.reader.page(relation, block: block, at: lsn)
                    #expect(try page == shards[0].reader.page(relation, block: block, at: lsn))
                    let start = Int(block) * 8192
                    pages += 1
                    if page.elementsEqual(file[start..<start + 8192]) { same += 1 }
                }
            }
        }
        // Bits that say that a row's transaction has committed are set by whoever reads it, and never logged.
        #expect(pages > 1000)
        #expect(same * 10 > pages * 9, "\(same) of \(pages)")
    }

    @Test("a backup taken in the middle of a load")
    func backupUnderLoad() throws {
        let server = try PostgresServer(major: 15, settings: Self.settings)
        defer { server.remove() }
        try server.start()
        try server.run("pgbench", ["--initialize", "--quiet", "--scale=3", "postgres"])
        let load = try server.start("pgbench", ["--client=3", "--time=60", "--no-vacuum", "postgres"])
        let changes = try server.startPsql(
            """
            do $$
            begin
                for i in 1..100000 loop
                    execute format('create table c%s as select generate_series(1, 500) a', i);
                    execute format('create index on c%s (a)', i);
                    commit;
                    execute format('truncate c%s', i);
                    commit;
                    if i > 5 then execute format('drop table c%s', i - 5); end if;
                    commit;
                end loop;
            end $$
            """
        )
        // Each table lives for a moment only, so on a busy machine one that is waited for by name may never be seen.
        let twentieth = "select count(*) from pg_class where relname ~ '^c([2-9][0-9]|[0-9]{3,})$'"
        while try server.psql(twentieth) == "0" {
            try #require(changes.exitStatus() == nil)
        }
        let folder = try server.makeBaseBackup("backup", format: .directory)
        let archive = try server.makeBaseBackup("archive", format: .archive)
        let last = try server.psql("select max(oid)::int from pg_class")
        while try server.psql("select max(oid) > \(last)::int + 200 from pg_class") == "f" {
            try #require(changes.exitStatus() == nil)
        }
        for child in [load, changes] {
            child.signal(SIGTERM)
            child.wait()
        }
        try server.psql("vacuum")
        try server.stop(.fast)
        let end = try server.endOfStoppedWAL()

        for source in [BackupSource.directory(folder), .archive("\(archive)/base.tar")] {
            let targets = try targets(2)
            let start = try BackupImport.run(source, into: targets)
            let shards = try shards(of: targets)
            try WALFeed(server.walDirectory, from: start, to: end).ingest(into: shards)
            #expect(shards.allSatisfy { !$0.positions.isInBackup })
            try check(shards, against: server)
        }
    }
}
