import Foundation
import InterpretedWAL
import PostgresHarness
import PostgresWAL
import ShardIdentity
import Testing
import WALFiles

/// The bits that our interpretation has cleared in visibility maps, against the map files of the server itself.
///
/// Everything is vacuumed and frozen first and never again, so from there on bits only go.
@Suite(.serialized)
struct VisibilityMapTests {
    @Test("what we clear is what the server cleared", arguments: PostgresInstallation.majors)
    func clearedBits(major: Int) throws {
        let settings = ["autovacuum": "off", "checkpoint_timeout": "1h"]
        try PostgresServer.withPostgres(major: major, settings: settings) { server in
            try server.psql(Self.preparation)
            try server.psql("vacuum (freeze, disable_page_skipping)")
            try server.psql("checkpoint")
            let database = try #require(
                UInt32(try server.psql("select oid from pg_database where datname = 'postgres'"))
            )
            let tables = try Self.tables.map { table in
                try #require(UInt32(try server.psql("select pg_relation_filenode('\(table)')")))
            }
            let folder = "\(server.dataDirectory)/base/\(database)"
            let before = try VisibilityMaps(folder: folder)
            for table in tables {
                #expect(before.pages[table]?.prefix(50).allSatisfy { $0 == 0b11 } == true, "PostgreSQL \(major)")
            }

            let start = try server.currentWALFlushLSN()
            try change(server)
            try server.stop(.fast)
            let end = try server.endOfStoppedWAL()
            let after = try VisibilityMaps(folder: folder)

            let clears = try self.clears(server, major, from: start, to: end).filter { $0.database == database }
            let predicted = before.clearing(clears)
            let mismatches = predicted.differences(from: after)
            #expect(mismatches.isEmpty, "PostgreSQL \(major)")
            check(tables, before, after, clears)

            // Without any one of the clears that stand alone the maps differ.
            let alone = Dictionary(grouping: clears, by: \.block).values.compactMap { $0.count == 1 ? $0[0] : nil }
                .filter { before.bits(at: $0.block) != after.bits(at: $0.block) }
            #expect(alone.count > 20, "PostgreSQL \(major)")
            for ignored in alone {
                #expect(before.clearing(clears.filter { $0 != ignored }).differences(from: after) == [ignored.block])
            }
        }
    }

    static let tables = ["plain", "roomy", "copied"]

    /// A table that is full, one with room for HOT updates on every page, one that `COPY` goes on with.
    private static let preparation = """
        create table plain (a int primary key, b text) with (fillfactor = 100);
        insert into plain select g, repeat('p', 100) from generate_series(1, 12000) g;
        create table roomy (a int primary key, b text) with (fillfactor = 50);
        insert into roomy select g, repeat('r', 100) from generate_series(1, 6000) g;
        create table copied (a int, b text);
        insert into copied select g, repeat('c', 100) from generate_series(1, 6000) g;
        delete from copied where a % 97 = 0;
        """

    /// One kind of change after another, each on pages of its own.
    private func change(_ server: PostgresServer) throws {
        try server.psql(
            """
            delete from plain where a between 1 and 60;
            begin; delete from plain where a between 1001 and 1010; rollback;
            update plain set b = repeat('u', 90) where a between 2001 and 2005;
            update plain set a = a + 100000 where a between 3001 and 3003;
            update plain set b = repeat('long', 20000) where a = 4001;
            begin; select count(*) from (select 1 from plain where a between 5001 and 5100 for share) x; commit;
            begin; select count(*) from (select 1 from plain where a between 6001 and 6010 for update) x; rollback;
            begin; select 1 from plain where a = 7001 for key share;
            savepoint s; select 1 from plain where a = 7001 for no key update; commit;
            update roomy set b = repeat('h', 90) where a % 500 = 1;
            update roomy set b = repeat('i', 90) where a = 1;
            update roomy set a = -a where a between 4001 and 4004;
            insert into plain select 200000 + g, 'inserted' from generate_series(1, 500) g;
            insert into copied select 200000 + g, repeat('d', 50) from generate_series(1, 40) g;
            """
        )
        let rows = (1...2000).map { "\(300_000 + $0)\tcopied row \($0)\n" }.joined()
        try server.psql("copy copied from stdin;\n\(rows)\\.\n")
        // A lock of a row that another transaction updates follows to the new version on another page.
        let first = try PsqlSession(server)
        let second = try PsqlSession(server)
        try second.run("begin; update plain set b = repeat('v', 95) where a = 8001")
        try first.run("begin; select 1 from plain where a = 8001 for key share; commit")
        try second.run("commit")
        // Catalogs are tables too.
        try server.psql("create table later (a int); drop table later; alter table roomy add column c int")
    }

    /// All clears that shards of two layouts get, each from the one that owns the map's page.
    private func clears(_ server: PostgresServer, _ major: Int, from start: LSN, to end: LSN) throws -> [Clear] {
        let version = try #require(PostgresMajorVersion(rawValue: major))
        let shards = try (0..<5).map { try ShardIdentity(number: $0, count: 5, stripeSize: 1) }
        var interpreter = BatchInterpreter(version: version, shards: shards)
        var clears: [Clear] = []
        let walk = WALWalk(directory: try WALDirectory(path: server.walDirectory), start: start, end: end)
        _ = try walk.run { record, parsed in
            try interpreter.interpret(record, parsed)
            for index in shards.indices {
                defer { interpreter.removeBatch(of: index) }
                guard let bytes = interpreter.lastRecord(of: index),
                    case .heap(.clearVisibilityBits(let bits)) = try InterpretedRecord(protobuf: bytes).metadata
                else { continue }
                clears += [bits.newHeapBlock, bits.oldHeapBlock].compactMap { $0 }.map { block in
                    Clear(
                        record: record.start,
                        database: bits.visibilityMap.locator.database,
                        block: HeapBlock(relation: bits.visibilityMap.locator.relation, number: block),
                        bits: bits.flags
                    )
                }
            }
        }
        return clears
    }

    /// The changes did all that they were to do: every state is there, and both kinds of clears.
    private func check(_ tables: [UInt32], _ before: VisibilityMaps, _ after: VisibilityMaps, _ clears: [Clear]) {
        let plain = after.pages[tables[0]] ?? []
        #expect(Set(plain.prefix(before.pages[tables[0]]?.count ?? 0)) == [0b00, 0b01, 0b11])
        for table in tables {
            #expect(clears.contains { $0.block.relation == table && $0.bits == 3 })
            #expect(after.pages[table]?.contains(0b11) == true)
        }
        #expect(clears.contains { $0.bits == 2 })
        #expect(clears.contains { !tables.contains($0.block.relation) })
    }
}

/// A block of a heap in the test's database.
private struct HeapBlock: Hashable {
    var relation: UInt32
    var number: UInt32
}

/// One block that lost bits: 3 for all-visible and all-frozen, 2 for all-frozen.
private struct Clear: Hashable {
    var record: LSN
    var database: UInt32
    var block: HeapBlock
    var bits: UInt8
}

/// The visibility maps of a database: two bits for each block of a relation, all-visible 1 and all-frozen 2.
private struct VisibilityMaps {
    var pages: [UInt32: [UInt8]] = [:]

    /// Reads the files `<relation>_vm`: pages of 8192 bytes with a header of 24.
    init(folder: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix("_vm") {
            guard let relation = UInt32(name.dropLast(3)) else { continue }
            let file = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
            var bits: [UInt8] = []
            for page in stride(from: 0, to: file.count, by: 8192) {
                for byte in file[page + 24..<page + 8192] {
                    bits += [byte & 0b11, byte >> 2 & 0b11, byte >> 4 & 0b11, byte >> 6]
                }
            }
            pages[relation] = bits
        }
    }

    func bits(at block: HeapBlock) -> UInt8 {
        guard let bits = pages[block.relation], Int(block.number) < bits.count else { return 0 }
        return bits[Int(block.number)]
    }

    func clearing(_ clears: [Clear]) -> VisibilityMaps {
        var maps = self
        for clear in clears where maps.bits(at: clear.block) != 0 {
            maps.pages[clear.block.relation]?[Int(clear.block.number)] &= ~clear.bits
        }
        return maps
    }

    /// The blocks whose bits aren't the same; relations that are gone are left out.
    func differences(from other: VisibilityMaps) -> [HeapBlock] {
        var differences: [HeapBlock] = []
        for (relation, bits) in pages {
            guard let others = other.pages[relation], bits != others else { continue }
            let blocks = bits.indices.map { HeapBlock(relation: relation, number: UInt32($0)) }
            differences += blocks.filter { self.bits(at: $0) != other.bits(at: $0) }
        }
        return differences
    }
}
