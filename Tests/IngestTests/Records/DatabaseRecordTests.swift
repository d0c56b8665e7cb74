import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import Testing

/// Databases that are copied and dropped, relation maps, and files that come as messages.
struct DatabaseRecordTests {
    private let source = DatabaseLocator(tablespace: 1663, database: 5)
    private let target = DatabaseLocator(tablespace: 1663, database: 6)
    private let copied = RelationTag(locator: RelationLocator(tablespace: 1663, database: 6, relation: 16384))

    private func map(_ content: [UInt8], database: UInt32, tablespace: UInt32 = 1663) -> MetadataRecord {
        .relationMap(.update(database: database, tablespace: tablespace, size: Int32(content.count), content: content))
    }

    private var copy: MetadataRecord {
        .database(.create(database: 6, tablespace: 1663, sourceDatabase: 5, sourceTablespace: 1663))
    }

    @Test("a relation map makes its database")
    func relationMap() throws {
        let shard = try TestShard()
        let directory = "000000000000000000000000000000000000"
        let first = try shard.record(map([1, 2, 3], database: 5))
        #expect(try shard.stored(directory, at: first) == storedImage("0000000000000001 0000067F 00000005 01"))
        #expect(try shard.stored("000000067F00000005000000000000000001", at: first) == storedImage("0000000000000000"))
        #expect(try shard.stored("000000067F00000005000000000000000000", at: first) == storedImage("010203"))
        let second = try shard.record(map([4], database: 5))
        #expect(try shard.stored(directory, at: second) == nil)
        #expect(try shard.stored("000000067F00000005000000000000000001", at: second) == nil)
        #expect(try shard.ingest.reader.relationMap(of: source, at: second) == [4])
        // A database known by its relations only gets its map later.
        let relation = RelationTag(locator: RelationLocator(tablespace: 1664, database: 0, relation: 1260))
        let third = try shard.record(.storageManager(.create(relation)))
        #expect(
            try shard.stored(directory, at: third)
                == storedImage("0000000000000002 0000067F 00000005 01 00000680 00000000 00")
        )
        let fourth = try shard.record(map([5], database: 0, tablespace: 1664))
        #expect(
            try shard.stored(directory, at: fourth)
                == storedImage("0000000000000002 0000067F 00000005 01 00000680 00000000 01")
        )
        #expect(try shard.stored("000000068000000000000000000000000001", at: fourth) == nil)
    }

    @Test("a copied database has the pages of its source, as they were", arguments: [(0, 0), (0, 3), (1, 3), (2, 3)])
    func copyDatabase(_ number: UInt8, _ count: UInt8) throws {
        let shard = try TestShard(testShard(number, of: count, stripe: 1))
        let identity = shard.ingest.shard.identity
        try shard.record(map([9], database: 5))
        let own = (UInt32(0)..<12).filter { identity.isLocal(.relationBlock(tableMain, block: $0)) }
        for block in own { try shard.record(writes: [.image(tableMain, block, page(UInt8(block)))]) }
        let last = try #require(own.last)
        try shard.record(writes: [.delta(tableMain, last, [0xAA])])
        let before = shard.position
        let lsn = try shard.record(copy)
        // What happens to the source later does not touch the copy.
        for block in own { try shard.record(writes: [.image(tableMain, block, page(0xEE))]) }
        let end = try shard.record(writes: [.delta(copied, last, [0xBB])])

        let reader = shard.ingest.reader
        #expect(try reader.databases(at: lsn).map(\.database) == [source, target])
        #expect(try reader.relationMap(of: target, at: lsn) == [9])
        #expect(try reader.relations(of: target, at: lsn) == [copied])
        #expect(try reader.relationSize(copied, at: lsn) == last + 1)
        for block in own.dropLast() {
            #expect(try reader.page(copied, block: block, at: end) == page(UInt8(block)))
        }
        let history = try reader.history(of: .relationBlock(copied, block: last), at: end)
        #expect(history.base?.key == .relationBlock(tableMain, block: last))
        #expect(history.base?.value == .image(page(UInt8(last))))
        #expect(history.changes.map(\.lsn) == [before, end])
        #expect(history.changes.map(\.key.field3) == [5, 6])
        if number == 0 { #expect(shard.ingest.positions.logicalSize == UInt64(last + 1) * 2 * 8192) }
    }

    @Test("a copy of a copy")
    func copyTwice() throws {
        let shard = try TestShard()
        try shard.record(map([9], database: 5))
        try shard.record(writes: [.image(tableMain, 0, page(1))])
        try shard.record(copy)
        let again = MetadataRecord.database(
            .create(database: 7, tablespace: 1663, sourceDatabase: 6, sourceTablespace: 1663)
        )
        let lsn = try shard.record(again)
        let relation = RelationTag(locator: RelationLocator(tablespace: 1663, database: 7, relation: 16384))
        #expect(try shard.ingest.reader.page(relation, block: 0, at: lsn) == page(1))
        #expect(try shard.ingest.reader.databaseSize(DatabaseLocator(tablespace: 1663, database: 7), at: lsn) == 1)
    }

    @Test("a copy sees what was in the same message before it")
    func copyInMessage() throws {
        let shard = try TestShard()
        try shard.ingest([
            testRecord(map([9], database: 5), at: LSN(0x2000)),
            testRecord(writes: [.image(tableMain, 0, page(1))], at: LSN(0x2100)),
            testRecord(copy, at: LSN(0x2200)),
        ])
        #expect(try shard.ingest.reader.page(copied, block: 0, at: LSN(0x2200)) == page(1))
        #expect(shard.ingest.statistics.commits == 3)
    }

    @Test("a copy without its source is refused")
    func copyOfNothing() throws {
        let shard = try TestShard()
        let error = #expect(throws: IngestError.self) { try shard.record(copy) }
        #expect(error?.reason == .missing(.relationDirectory(tablespace: 1663, database: 5)))
    }

    @Test("a dropped database is gone, and comes back empty")
    func drop() throws {
        let shard = try TestShard()
        try shard.record(map([9], database: 5))
        try shard.record(writes: [.image(tableMain, 3, page(1))])
        let before = shard.position
        let lsn = try shard.record(.database(.drop(database: 5, tablespaces: [1663, 1700])))
        let reader = shard.ingest.reader
        #expect(try reader.databases(at: before).count == 1)
        #expect(try reader.databases(at: lsn).isEmpty)
        #expect(try reader.relationSize(tableMain, at: lsn) == nil)
        #expect(try reader.relations(of: source, at: lsn).isEmpty)
        #expect(shard.ingest.positions.logicalSize == 0)
        #expect(shard.warnings.all == [.unknownDatabase(tablespace: 1700, database: 5, lsn: lsn)])
        #expect(throws: ReadError.self) { try reader.databaseSize(source, at: lsn) }

        let again = try shard.record(map([8], database: 5))
        #expect(try reader.relations(of: source, at: again).isEmpty)
        // The cached size of before must not count.
        let extended = try shard.record(writes: [.image(tableMain, 1, page(2))])
        #expect(try reader.relationSize(tableMain, at: extended) == 2)
        #expect(try reader.page(tableMain, block: 0, at: extended) == page(0))
    }

    // MARK: - Files that come as messages

    @Test("files come, change and go")
    func auxFiles() throws {
        let shard = try TestShard()
        func put(_ path: String, _ content: [UInt8]) throws -> LSN {
            try shard.record(.logicalMessage(.put(path: path, content: content)))
        }
        let first = try put("pg_replslot/sub1/state", [0xDE, 0xAD, 0xBE, 0xEF])
        #expect(
            try shard.stored("62000002011CDE14934B1DC19112DDCD798A", at: first)
                == storedImage("01 00000016 70675F7265706C736C6F742F737562312F7374617465 00000004 DEADBEEF")
        )
        let second = try put("pg_logical/mappings/test1", [1])
        let third = try put("pg_replslot/sub1/state", [2])
        let fourth = try put("pg_logical/mappings/test1", [])
        let reader = shard.ingest.reader
        #expect(try reader.auxFiles(at: first) == ["pg_replslot/sub1/state": [0xDE, 0xAD, 0xBE, 0xEF]])
        #expect(try reader.auxFiles(at: second).count == 2)
        #expect(try reader.auxFiles(at: third) == ["pg_replslot/sub1/state": [2], "pg_logical/mappings/test1": [1]])
        #expect(try reader.auxFiles(at: fourth) == ["pg_replslot/sub1/state": [2]])
        let unknown = try put("pg_stat/nothing", [])
        #expect(shard.warnings.all == [.unknownAuxFile(path: "pg_stat/nothing", lsn: unknown)])
        #expect(try shard.record(.logicalMessage(.failpoint)) == shard.position)
    }

    @Test("changes of one file in one message build on each other")
    func auxFilesInMessage() throws {
        let shard = try TestShard()
        let records = (1...3).map { number in
            testRecord(
                .logicalMessage(.put(path: "pg_stat/x", content: [UInt8(number)])),
                at: LSN(0x2000 + UInt64(number) * 0x100)
            )
        }
        try shard.ingest(records)
        #expect(try shard.ingest.reader.auxFiles(at: LSN(0x2200)) == ["pg_stat/x": [2]])
        #expect(try shard.ingest.reader.auxFiles(at: LSN(0x2300)) == ["pg_stat/x": [3]])
    }

    @Test("shards other than zero keep no files")
    func auxFilesOfOthers() throws {
        let shard = try TestShard(testShard(1, of: 2))
        let lsn = try shard.record(.logicalMessage(.put(path: "pg_stat/x", content: [1])))
        #expect(try shard.store.newest(.auxFile(path: "pg_stat/x"), atOrBelow: lsn) == nil)
    }
}
