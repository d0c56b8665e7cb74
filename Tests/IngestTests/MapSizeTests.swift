import Ingest
import IngestHarness
import PostgresHarness
import PostgresWAL
import ShardIdentity
import Testing

/// What PostgreSQL does not log of its maps: that they grow.
///
/// With checksums or `wal_log_hints` an image of each page of a free space map is logged when it first changes after a
/// checkpoint, and so its size too. Without, a free space map that has grown since the backup is known to nobody who has
/// only the WAL: neither to a replica nor to us. Of visibility maps the bits that are set are always logged.
@Suite(.serialized)
struct MapSizeTests {
    @Test("what maps have grown by is in their files only; what they were cut to is logged", arguments: [15, 16, 17])
    func grown(major: Int) throws {
        try PostgresServer.withPostgres(major: major, settings: ["wal_log_hints": "off"]) { server in
            // A row a page: 4200 pages have a free space map of two pages at the lowest level.
            try server.psql(
                """
                create table cut (i int, t text);
                alter table cut alter t set storage plain;
                insert into cut select i, repeat('x', 7000) from generate_series(1, 4200) i;
                vacuum cut;
                """
            )
            let backup = try server.makeBaseBackup("backup", format: .archive)
            try server.psql(
                """
                create table grown (i int, t text);
                insert into grown select i, repeat('x', 100) from generate_series(1, 10000) i;
                delete from grown where i % 2 = 0;
                delete from cut where i > 10;
                vacuum grown, cut;
                insert into grown select i, repeat('x', 100) from generate_series(1, 10000) i;
                """
            )
            let (cut, grown) = (try relation("cut", server), try relation("grown", server))
            try server.stop(.fast)
            let end = try server.endOfStoppedWAL()

            let target = try testShard(version: try #require(PostgresMajorVersion(rawValue: major)))
            let store = InMemoryStore()
            let start = try BackupImport.run(.archive("\(backup)/base.tar"), into: [(target, store)])
            let shard = try ShardIngest(opening: store, as: target)
            try WALFeed(server.walDirectory, from: start, to: end).ingest(into: [shard])

            let files = try DataDirectory(server.dataDirectory)
            var comparison = ServerComparison(shard, files)
            try comparison.compareMapSizes()
            try comparison.compareVisibilityMaps()
            #expect(comparison.differences == [], "PostgreSQL \(major)")
            #expect(comparison.mapSizes.equal > 100 && comparison.mapSizes.smaller > 0, "\(comparison.mapSizes)")

            func sizes(_ locator: RelationLocator, _ fork: UInt8) throws -> (stored: UInt32?, file: Int?) {
                let map = RelationTag(locator: locator, fork: fork)
                let stored = try shard.reader.relationSize(map, at: shard.positions.lastRecordLSN)
                return (stored, files.sizes[map].map { $0 / RelationPage.size })
            }
            let logged = try LoggedSizes(server.walDirectory, from: start, to: end)
            let map = RelationTag(locator: grown, fork: ForkNumber.freeSpaceMap)
            #expect(logged.blocks[map] == nil, "no record names a page of it")
            #expect(try sizes(grown, ForkNumber.freeSpaceMap) == (nil, 3))
            #expect(try sizes(grown, ForkNumber.visibilityMap) == (1, 1))

            #expect(logged.cut.contains(cut))
            let before = try shard.reader.relationSize(
                RelationTag(locator: cut, fork: ForkNumber.freeSpaceMap),
                at: start
            )
            #expect(before == 4)
            #expect(try sizes(cut, ForkNumber.freeSpaceMap) == (3, 3))
            #expect(try sizes(cut, ForkNumber.visibilityMap) == (1, 1))
            // A vacuum that is disturbed leaves pages for the next one.
            let main = try sizes(cut, ForkNumber.main)
            #expect(main.stored.map { Int($0) } == main.file && main.file ?? .max < 4200, "\(main)")
        }
    }

    private func relation(_ name: String, _ server: PostgresServer) throws -> RelationLocator {
        // `base/<database>/<file>`
        let path = try server.psql("select pg_relation_filepath('\(name)')").split(separator: "/")
        let numbers = path.compactMap { UInt32($0) }
        try #require(numbers.count == 2)
        return RelationLocator(tablespace: TablespaceOID.standard, database: numbers[0], relation: numbers[1])
    }
}
