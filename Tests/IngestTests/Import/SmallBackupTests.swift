import Foundation
import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing

func makeFolder(_ file: String) throws {
    let parent = URL(fileURLWithPath: file).deletingLastPathComponent()
    try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
}

/// Backups made by hand: what becomes of each file, and what is refused.
struct SmallBackupTests {
    static let b = LSN(0x2000028)

    private func imported(
        _ backup: SmallBackup,
        asArchive: Bool = true,
        into shard: TimelineShard
    ) throws -> ShardIngest {
        let folder = try TemporaryFolder()
        let store = InMemoryStore()
        let source = try asArchive ? backup.archive(in: folder) : backup.write(to: folder)
        try BackupImport.run(source, into: [(shard, store)])
        return try ShardIngest(opening: store, as: shard)
    }

    @Test("every file finds its place", arguments: [true, false])
    func content(asArchive: Bool) throws {
        let shard = try imported(.stopped(), asArchive: asArchive, into: testShard())
        let positions = shard.positions
        #expect(positions.lastRecordLSN == Self.b)
        #expect(positions.initialLSN == Self.b)
        #expect(positions.diskConsistentLSN == Self.b)
        #expect(positions.previousRecordLSN == .invalid)
        #expect(!positions.isInBackup)
        #expect(positions.logicalSize == 7 * 8192)

        let reader = shard.reader
        let database = DatabaseLocator(tablespace: 1663, database: 5)
        let shared = DatabaseLocator(tablespace: 1664, database: 0)
        #expect(try reader.databases(at: Self.b).map(\.database) == [database, shared])
        #expect(try reader.databases(at: Self.b).allSatisfy(\.hasRelationMap))
        #expect(try reader.relationMap(of: database, at: Self.b) == [1, 2, 3])
        #expect(try reader.relationMap(of: shared, at: Self.b) == [4])
        let other = RelationLocator(tablespace: 1663, database: 5, relation: 16385)
        let empty = RelationTag(locator: RelationLocator(tablespace: 1663, database: 5, relation: 16386))
        let initial = RelationTag(locator: other, fork: ForkNumber.initialization)
        #expect(
            try reader.relations(of: database, at: Self.b) == [tableMain, tableFSM, tableMap, initial, empty]
        )
        #expect(try reader.relationSize(tableMain, at: Self.b) == 2)
        #expect(try reader.relationSize(empty, at: Self.b) == 0)
        #expect(try reader.page(tableMain, block: 1, at: Self.b) == page(2))
        #expect(try reader.page(tableMap, block: 0, at: Self.b) == page(3))
        #expect(try reader.page(initial, block: 0, at: Self.b) == page(5))
        #expect(try reader.slruSegments(.clog, at: Self.b) == [0])
        #expect(try reader.slruSegment(.clog, segment: 0, at: Self.b) == page(7) + page(8))
        #expect(try reader.slruSegment(.multiXactOffsets, segment: 0, at: Self.b) == page(9))
        #expect(try reader.slruSegment(.multiXactMembers, segment: 10, at: Self.b) == page(10))
        #expect(try reader.preparedTransactions(at: Self.b) == [0x2E5])
        #expect(try reader.preparedTransaction(0x2E5, at: Self.b) == [0xDE, 0xAD])
        #expect(try reader.checkpoint(at: Self.b) == SmallBackup.checkpoint(redo: Self.b))
        #expect(try reader.controlFile(at: Self.b)?.count == 8192)
    }

    @Test("shards take what they keep, and know all sizes")
    func sharded() throws {
        let shards = try (0..<3).map { try imported(.stopped(), into: testShard($0, of: 3, stripe: 1)) }
        for (number, shard) in shards.enumerated() {
            let reader = shard.reader
            #expect(try reader.relationSize(tableMain, at: Self.b) == 2)
            #expect(try reader.preparedTransactions(at: Self.b) == [0x2E5])
            for block in UInt32(0)..<2 {
                let key = Key.relationBlock(tableMain, block: block)
                if shard.shard.identity.isLocal(key) {
                    #expect(try reader.page(tableMain, block: block, at: Self.b) == page(UInt8(block) + 1))
                } else {
                    #expect(throws: ReadError.foreignKey(key)) {
                        try reader.page(tableMain, block: block, at: Self.b)
                    }
                }
            }
            if number > 0 {
                #expect(throws: ReadError.foreignKey(.slruDirectory(.clog))) {
                    try reader.slruSegments(.clog, at: Self.b)
                }
            }
        }
    }

    @Test("a backup of a running server begins at its label, and ends with a record")
    func running() throws {
        let folder = try TemporaryFolder()
        let store = InMemoryStore()
        let identity = try testShard()
        let start = try BackupImport.run(SmallBackup.running().archive(in: folder), into: [(identity, store)])
        #expect(start == LSN(0x3000028))
        var shard = try ShardIngest(opening: store, as: identity)
        #expect(shard.positions.isInBackup)
        func ingest(_ metadata: MetadataRecord, at lsn: UInt64) throws {
            let message = testMessage([testRecord(metadata, at: LSN(lsn))])
            try shard.ingest(message: message.span.bytes)
        }
        // What the copied files were ahead of is no error.
        try ingest(.storageManager(.create(tableMain)), at: 0x3000100)
        #expect(try shard.reader.relationSize(tableMain, at: LSN(0x3000100)) == 2)
        try ingest(.transaction(.prepare(xid: 0x2E5, data: [7])), at: 0x3000200)
        #expect(try shard.reader.preparedTransaction(0x2E5, at: LSN(0x3000200)) == [7])
        var end = XactCommon(xid: 9, info: 0, time: 0, headerXID: 9, lsn: .invalid)
        end.droppedRelations = [RelationLocator(tablespace: 1663, database: 999, relation: 1)]
        try ingest(.transaction(.commit(end)), at: 0x3000300)
        // The end of another backup is not the end of this one; that it goes on survives opening.
        try ingest(
            .xlog(.raw(info: 0x50, lsn: .invalid, mainData: littleEndian(0x2000000) + [0, 0, 0, 0])),
            at: 0x3000400
        )
        shard = try ShardIngest(opening: store, as: identity)
        #expect(shard.positions.isInBackup)
        try ingest(
            .xlog(.raw(info: 0x50, lsn: .invalid, mainData: littleEndian(0x3000028) + [0, 0, 0, 0])),
            at: 0x3000500
        )
        #expect(!shard.positions.isInBackup)
        #expect(throws: IngestError.self) { try ingest(.storageManager(.create(tableMain)), at: 0x3000600) }
    }

    // MARK: - Refused

    /// Changes to a backup, and what is said of each.
    private static let refused: [(name: String, content: [UInt8]?, reason: ImportError.Reason)] = [
        ("PG_VERSION", nil, .missing),
        ("PG_VERSION", Array("16\n".utf8), .otherVersion(found: "16")),
        ("global/pg_control", nil, .missing),
        ("global/pg_control", [1, 2, 3], .size(3)),
        ("global/pg_control", [UInt8](repeating: 1, count: 8192), .checksum),
        (
            "global/pg_control", SmallBackup.controlFile(state: 6, position: LSN(0x28), redo: LSN(0x28)),
            .notShutDown(state: 6)
        ),
        (
            "global/pg_control", SmallBackup.controlFile(state: 1, position: LSN(0x28), redo: LSN(0x30)),
            .checkpoint(LSN(0x28), redo: LSN(0x30))
        ),
        ("backup_label", Array("LABEL: x\n".utf8), .noStart),
        ("backup_label", Array("START WAL LOCATION: 0/28 (file x)\nBACKUP FROM: standby\n".utf8), .fromStandby),
        ("base/5/16384", page(1) + [1], .size(8193)),
        ("base/5/readme", [], .unknownFile),
        ("base/5/16384_xx", [], .unknownFile),
        ("base/5/16384.99999", [], .unknownFile),
        ("base/5/0", [], .unknownFile),
        ("base/5/16384.1.2", [], .unknownFile),
        ("base/x/16384", [], .unknownFile),
        ("pg_xact/XYZ", [], .unknownFile),
        ("pg_xact/0001", [UInt8](repeating: 0, count: 33 * 8192), .size(33 * 8192)),
        ("pg_twophase/000002E5", [1, 2, 3], .size(3)),
        ("pg_twophase/000002E5", [1, 2, 3, 4, 5], .checksum),
        ("pg_twophase/nothing", [], .unknownFile),
        ("pg_tblspc/16400", [], .tablespace),
    ]

    @Test("files that can't be are refused by name", arguments: [true, false])
    func refused(asArchive: Bool) throws {
        for (name, content, reason) in Self.refused {
            var backup = SmallBackup.stopped()
            backup.replace(name, content)
            let error = #expect(throws: ImportError.self) {
                try imported(backup, asArchive: asArchive, into: testShard())
            }
            #expect(error?.reason == reason, "\(name)")
            #expect(error?.path.hasSuffix(name) == true, "\(name)")
        }
    }

    @Test("a second import into a store, and the opening of a half filled one, are refused")
    func states() throws {
        let folder = try TemporaryFolder()
        let identity = try testShard()
        let store = FaultyStore()
        let source = try SmallBackup.stopped().archive(in: folder)
        store.flushFault = .refused
        #expect(throws: ImportError.self) { try BackupImport.run(source, into: [(identity, store)]) }
        #expect(throws: ImportError.self) { try BackupImport.run(source, into: [(identity, store)]) }

        var options = IngestOptions()
        options.maximumPendingBytes = 1
        let half = FaultyStore()
        var backup = SmallBackup.stopped()
        for number in 0..<100 { backup.files.append(("base/6/\(20000 + number)", (0..<4).flatMap { _ in page(1) })) }
        backup.files.append(("base/6/broken", []))
        let error = #expect(throws: ImportError.self) {
            try BackupImport.run(backup.archive(in: folder), into: [(identity, half)], options: options)
        }
        #expect(error?.reason == .unknownFile)
        // A fault that the first pass sees leaves the store empty; one of the second does not.
        #expect(half.commitCount == 0)
        backup.replace("base/6/broken", nil)
        backup.replace("pg_twophase/000002E5", [1, 2, 3, 4, 5])
        #expect(throws: ImportError.self) {
            try BackupImport.run(backup.archive(in: folder), into: [(identity, half)], options: options)
        }
        #expect(half.commitCount > 0)
        let fault = #expect(throws: IngestError.self) { try ShardIngest(opening: half, as: identity) }
        #expect(fault?.reason == .unfinishedImport)
    }

    // MARK: - Archives

    @Test("an archive that is cut off or damaged is refused, wherever that is")
    func damagedArchives() throws {
        let archive = SmallBackup.stopped().archived
        let folder = try TemporaryFolder()
        let identity = try testShard()
        func tryImport(_ bytes: ArraySlice<UInt8>) throws -> Bool {
            try folder.write(bytes, to: "cut.tar")
            do throws(ImportError) {
                try BackupImport.run(.archive(folder.path(of: "cut.tar")), into: [(identity, InMemoryStore())])
                return true
            } catch {
                #expect("\(error)".contains("cut.tar"))
                return false
            }
        }
        #expect(try tryImport(archive[...]))
        // Without the blocks of zeros at the end it can't be told from one that is cut off.
        for cut in stride(from: 0, to: archive.count - 1024, by: 700) {
            #expect(try !tryImport(archive[..<cut]), "cut at \(cut)")
        }
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<200 {
            // The first header: every bit of it is covered by its checksum.
            var damaged = archive
            damaged[Int.random(in: 0..<512, using: &generator)] ^= 1 << UInt8.random(in: 0..<7, using: &generator)
            if damaged[0..<512] != archive[0..<512] { #expect(try !tryImport(damaged[...])) }
        }
        // Any damage at all: an error or an import, never a crash.
        for _ in 0..<300 {
            var damaged = archive
            for _ in 0..<4 {
                damaged[Int.random(in: 0..<damaged.count, using: &generator)] = UInt8.random(
                    in: 0...255,
                    using: &generator
                )
            }
            _ = try tryImport(damaged[...])
        }
    }

    @Test("links into other folders are refused, long names too")
    func specialEntries() throws {
        let folder = try TemporaryFolder()
        for (entry, isTablespace) in [
            (SmallBackup.header("pg_tblspc/16400", size: 0, type: "2"), true),
            (SmallBackup.header("././@LongLink", size: 512, type: "L") + [UInt8](repeating: 65, count: 512), false),
        ] {
            try folder.write(entry + SmallBackup.stopped().archived, to: "base.tar")
            let error = #expect(throws: ImportError.self) {
                try BackupImport.run(.archive(folder.path(of: "base.tar")), into: [(testShard(), InMemoryStore())])
            }
            #expect((error?.reason == .tablespace) == isTablespace)
        }
        // A name in two parts, and a folder, which is passed over.
        let split = SmallBackup.header("16999", size: 8192, prefix: "base/5") + page(1)
        let directory = SmallBackup.header("base/5", size: 0, type: "5")
        try folder.write(directory + split + SmallBackup.stopped().archived, to: "base.tar")
        let store = InMemoryStore()
        try BackupImport.run(.archive(folder.path(of: "base.tar")), into: [(testShard(), store)])
        let relation = RelationTag(locator: RelationLocator(tablespace: 1663, database: 5, relation: 16999))
        let shard = try ShardIngest(opening: store, as: testShard())
        #expect(try shard.reader.relationSize(relation, at: Self.b) == 1)
    }
}
