import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import Testing

/// Relations by hand: the keys and values that records leave, byte by byte.
struct RelationRecordTests {
    static let directory = "000000067F00000005000000000000000001"
    static let size = "000000067F000000050000400000FFFFFFFF"

    @Test("an empty timeline has directories and a checkpoint", arguments: [(0, 0), (0, 4), (3, 4)])
    func creation(_ number: UInt8, _ count: UInt8) throws {
        let shard = try TestShard(testShard(number, of: count))
        let empty = storedImage("0000000000000000")
        #expect(try shard.stored("000000000000000000000000000000000000", at: shard.position) == empty)
        #expect(try shard.stored("020000000000000000000000000000000000", at: shard.position) == empty)
        for kind in ["00", "01", "02"] {
            let key = "01000000\(kind)00000000000000000000000000"
            #expect(try shard.stored(key, at: shard.position) == (number == 0 ? empty : nil))
        }
        let zero = storedImage(String(repeating: "00", count: 88))
        #expect(try shard.stored("030000000000000000000000000000000001", at: shard.position) == zero)
    }

    @Test("creating a relation")
    func create() throws {
        let shard = try TestShard()
        let lsn = try shard.record(.storageManager(.create(tableMain)))
        #expect(
            try shard.stored("000000000000000000000000000000000000", at: lsn)
                == storedImage("0000000000000001 0000067F 00000005 00")
        )
        #expect(try shard.stored(Self.directory, at: lsn) == storedImage("0000000000000001 00004000 00"))
        #expect(try shard.stored(Self.size, at: lsn) == storedImage("00000000"))
        #expect(try shard.ingest.reader.relationSize(tableMain, at: lsn) == 0)

        let second = try shard.record(.storageManager(.create(tableMap)))
        #expect(try shard.stored("000000000000000000000000000000000000", at: second) == nil)
        #expect(try shard.stored(Self.directory, at: second) == storedImage("0000000000000002 00004000 00 00004000 02"))
        let error = try #require(throws: IngestError.self) {
            try shard.record(.storageManager(.create(tableMain)))
        }
        #expect(error.reason == .relationExists(tableMain))
        #expect(error.lsn == shard.position)
        #expect(error.shard == shard.ingest.shard)
        #expect(shard.ingest.positions.lastRecordLSN == second)
    }

    @Test("relations that can't be are refused")
    func impossible() throws {
        let shard = try TestShard()
        let nowhere = RelationTag(locator: RelationLocator(tablespace: 1663, database: 5, relation: 0))
        let fork = RelationTag(locator: table, fork: 4)
        let far = RelationTag(locator: RelationLocator(tablespace: 70000, database: 5, relation: 1))
        for (relation, fault) in [
            (nowhere, IngestFault.invalidRelation(nowhere)), (fork, .invalidRelation(fork)),
            (far, .unrepresentableKey(.relationBlock(far, block: 0))),
        ] {
            let error = #expect(throws: IngestError.self) { try shard.record(.storageManager(.create(relation))) }
            #expect(error?.reason == fault)
        }
    }

    @Test("the first block of an unknown relation makes it")
    func implicitCreation() throws {
        let shard = try TestShard()
        let lsn = try shard.record(writes: [.image(tableMain, 0, page(1))])
        #expect(try shard.stored(Self.directory, at: lsn) == storedImage("0000000000000001 00004000 00"))
        #expect(try shard.stored(Self.size, at: lsn) == storedImage("01000000"))
        #expect(
            try shard.stored("000000067F00000005000040000000000000", at: lsn)
                == hexText(StoredValue.image(page(1)).encoded())
        )
        #expect(shard.ingest.positions.logicalSize == 8192)
    }

    @Test("a gap is filled with zeros, and what the record writes of it counts")
    func gaps() throws {
        let shard = try TestShard()
        // From the sheet: 20 after 11 leaves 11 to 19.
        for block in UInt32(0)...10 {
            try shard.record(writes: [.delta(tableMain, block, [1])])
        }
        #expect(shard.ingest.statistics.gapBlocks == 0)
        try shard.record(writes: [.delta(tableMain, 5, [1])])
        #expect(shard.ingest.statistics.gapBlocks == 0)
        let lsn = try shard.record(writes: [.delta(tableMain, 20, [1]), .image(tableMain, 15, page(7))])
        #expect(shard.ingest.statistics.gapBlocks == 9)
        let zeros = StoredValue.image(page(0)).encoded()
        for block in UInt32(11)...19 {
            let found = try shard.store.newest(.relationBlock(tableMain, block: block), atOrBelow: lsn)
            #expect(found?.lsn == lsn)
            #expect(found?.bytes == (block == 15 ? StoredValue.image(page(7)).encoded() : zeros))
        }
        #expect(try shard.ingest.reader.relationSize(tableMain, at: lsn) == 21)
    }

    @Test("a gap is filled on the shards that own it")
    func shardedGaps() throws {
        let shards = try (0..<2).map { try TestShard(testShard($0, of: 2, stripe: 1)) }
        for shard in shards {
            // Block 6 of this relation is on shard 0: the second shard sees only what it owns.
            let relation = RelationTag(locator: RelationLocator(tablespace: 1663, database: 5, relation: 2620))
            let identity = shard.ingest.shard.identity
            let own = (0..<20).last { identity.isLocal(.relationBlock(relation, block: $0)) } ?? 0
            let lsn = try shard.record(writes: [.delta(relation, own, [1])])
            for block in 0..<own {
                let key = Key.relationBlock(relation, block: block)
                #expect((try shard.store.newest(key, atOrBelow: lsn) != nil) == identity.isLocal(key))
            }
        }
    }

    @Test("a gap beyond the bound is refused, and nothing of it stays")
    func gapBound() throws {
        let shard = try TestShard()
        let error = #expect(throws: IngestError.self) {
            try shard.record(writes: [.delta(tableMain, 0xFFFF_FFFE, [1])])
        }
        #expect(error?.reason == .gapTooLarge(relation: tableMain, blocks: 0xFFFF_FFFE, limit: 1 << 20))
        let lsn = try shard.record(writes: [.delta(tableMain, 3, [1])])
        #expect(try shard.ingest.reader.relationSize(tableMain, at: lsn) == 4)
    }

    // MARK: - Truncation

    @Test(
        "truncation to the middle of a map's page",
        arguments: [(10 as UInt32, 2 as UInt64, 4 as UInt64, 0 as UInt32), (40001, 1832, 2, 1)]
    )
    func truncateMap(blocks: UInt32, byte: UInt64, bit: UInt64, mapBlock: UInt32) throws {
        let shard = try TestShard()
        try shard.record(writes: [.image(tableMap, 5, page(0xFF))])
        let change = StorageManagerMetadata.truncate(blockCount: blocks, relation: table, flags: 2)
        let lsn = try shard.record(.storageManager(change))
        let delta = StoredValue.record(.truncateVisibilityMap(byte: byte, offset: bit)).encoded()
        let found = try shard.store.newest(.relationBlock(tableMap, block: mapBlock), atOrBelow: lsn)
        #expect(found?.lsn == lsn)
        #expect(found?.bytes == delta)
        #expect(try shard.ingest.reader.relationSize(tableMap, at: lsn) == mapBlock + 1)
    }

    @Test("truncation on the border of a map's page")
    func truncateWholeMapPages() throws {
        let shard = try TestShard()
        let before = try shard.record(writes: [.image(tableMap, 5, page(0xFF))])
        let change = StorageManagerMetadata.truncate(blockCount: 32672, relation: table, flags: 2)
        let lsn = try shard.record(.storageManager(change))
        #expect(try shard.ingest.reader.relationSize(tableMap, at: lsn) == 1)
        for block in UInt32(0)...5 {
            #expect(try shard.store.newest(.relationBlock(tableMap, block: block), atOrBelow: lsn)?.lsn == before)
        }
    }

    @Test(
        "truncation of free space maps",
        arguments: [(100, 2, true), (4069, 3, false), (8138, 4, false), (16_556_761, 4072, false)]
            as [(UInt32, UInt32, Bool)]
    )
    func truncateFreeSpaceMap(blocks: UInt32, first: UInt32, isZeroed: Bool) throws {
        let shard = try TestShard()
        try shard.record(writes: [.image(tableFSM, 5000, page(1))])
        let change = StorageManagerMetadata.truncate(blockCount: blocks, relation: table, flags: 4)
        let lsn = try shard.record(.storageManager(change))
        let found = try shard.store.newest(.relationBlock(tableFSM, block: first), atOrBelow: lsn)
        #expect((found?.lsn == lsn) == isZeroed)
        #expect(try shard.ingest.reader.relationSize(tableFSM, at: lsn) == first + (isZeroed ? 1 : 0))
    }

    @Test("flags say which forks are cut; unknown ones stay unknown")
    func truncatedForks() throws {
        for flags in UInt32(0)...7 {
            let shard = try TestShard()
            try shard.record(writes: [
                .image(tableMain, 99, page(1)), .image(tableMap, 9, page(1)), .image(tableFSM, 9, page(1)),
            ])
            let change = StorageManagerMetadata.truncate(blockCount: 50, relation: table, flags: flags)
            let lsn = try shard.record(.storageManager(change))
            let reader = shard.ingest.reader
            #expect(try reader.relationSize(tableMain, at: lsn) == (flags & 1 != 0 ? 50 : 100))
            #expect(try reader.relationSize(tableMap, at: lsn) == (flags & 2 != 0 ? 1 : 10))
            #expect(try reader.relationSize(tableFSM, at: lsn) == (flags & 4 != 0 ? 3 : 10))
            let size = try (tableForks.map { try UInt64(reader.relationSize($0, at: lsn) ?? 0) }).reduce(0, +)
            #expect(shard.ingest.positions.logicalSize == size * 8192)
        }
        let shard = try TestShard()
        let change = StorageManagerMetadata.truncate(blockCount: 50, relation: table, flags: 7)
        let lsn = try shard.record(.storageManager(change))
        for relation in tableForks {
            #expect(try shard.ingest.reader.relationSize(relation, at: lsn) == nil)
        }
    }

    @Test("maps are cut on the shards that own their pages: no key goes where it does not belong")
    func shardedTruncation() throws {
        for number in UInt8(0)..<8 {
            let shard = try TestShard(testShard(number, of: 8, stripe: 1))
            let identity = shard.ingest.shard.identity
            let lsn = try shard.record(.storageManager(.truncate(blockCount: 100, relation: table, flags: 7)))
            for (fork, block) in [(tableMap, UInt32(0)), (tableFSM, 2)] {
                let key = Key.relationBlock(fork, block: block)
                #expect((try shard.store.newest(key, atOrBelow: lsn) != nil) == identity.isLocal(key))
            }
        }
    }

    @Test("maps are as large as PostgreSQL makes them, whichever shard owns the page that is needed in part")
    func shardedTruncationSizes() throws {
        for number in UInt8(0)..<8 {
            let shard = try TestShard(testShard(number, of: 8, stripe: 1))
            for fork in [tableMap, tableFSM] {
                for block in UInt32(0)...9 {
                    let key = Key.relationBlock(fork, block: block)
                    if shard.ingest.shard.identity.isLocal(key) {
                        try shard.record(writes: [.image(fork, block, page(1))])
                    } else if number == 0 {
                        try shard.record(writes: [.observed(fork, block)])
                    }
                }
            }
            let lsn = try shard.record(.storageManager(.truncate(blockCount: 100, relation: table, flags: 6)))
            for (fork, size) in [(tableMap, UInt32(1)), (tableFSM, 3)] {
                let owned = (0...9 as ClosedRange<UInt32>).last {
                    shard.ingest.shard.identity.isLocal(.relationBlock(fork, block: $0))
                }
                let before = number == 0 ? 10 : owned.map { $0 + 1 }
                let found = try shard.ingest.reader.relationSize(fork, at: lsn)
                #expect(found == before.map { min($0, size) }, "\(fork) on shard \(number)")
            }
        }
    }

    @Test("blocks behind a truncation come back as zeros")
    func truncateAndExtend() throws {
        let shard = try TestShard()
        for block in UInt32(0)..<3 { try shard.record(writes: [.image(tableMain, block, page(UInt8(block) + 1))]) }
        let before = shard.position
        try shard.record(.storageManager(.truncate(blockCount: 1, relation: table, flags: 1)))
        let cut = shard.position
        let lsn = try shard.record(writes: [.image(tableMain, 2, page(9))])
        let reader = shard.ingest.reader
        #expect(try reader.page(tableMain, block: 1, at: before) == page(2))
        #expect(try reader.page(tableMain, block: 1, at: cut) == page(0))
        #expect(try reader.page(tableMain, block: 1, at: lsn) == page(0))
        #expect(try reader.page(tableMain, block: 2, at: lsn) == page(9))
        #expect(try reader.page(tableMain, block: 0, at: lsn) == page(1))
    }
}

extension RelationRecordTests {
    @Test("a change of a block that was cut off does not find the old page", arguments: [true, false])
    func oldPageDoesNotShow(isInOneMessage: Bool) throws {
        let shard = try TestShard()
        let bits = ClearVisibilityBits(newHeapBlock: 5, oldHeapBlock: nil, visibilityMap: tableMap, flags: 3)
        // Some change that PostgreSQL would have to replay, which needs the page before.
        let records = [
            testRecord(writes: [.image(tableMap, 0, page(0xFF))], at: LSN(0x2000)),
            testRecord(.storageManager(.truncate(blockCount: 0, relation: table, flags: 2)), at: LSN(0x2100)),
            testRecord(writes: [.delta(tableMap, 0, [1, 2])], at: LSN(0x2200)),
            testRecord(.heap(.clearVisibilityBits(bits)), at: LSN(0x2300)),
        ]
        if isInOneMessage {
            try shard.ingest(records)
        } else {
            for record in records { try shard.ingest([record]) }
        }
        let history = try shard.ingest.reader.history(of: .relationBlock(tableMap, block: 0), at: LSN(0x2300))
        #expect(history.base == nil)
        #expect(history.changes.map(\.lsn) == [LSN(0x2200), LSN(0x2300)])
        #expect(history.changes.first?.value == .record(.postgres(willInit: false, record: [1, 2])))
        let before = try shard.ingest.reader.history(of: .relationBlock(tableMap, block: 0), at: LSN(0x2100))
        #expect(before.base?.value == .image(page(0xFF)))
    }

    @Test("what was cut off does not come back where a later cut is behind it")
    func truncationBehindTheEnd() throws {
        // A shard that knows ten blocks of which others hold more: cut to 2, and to 6 when others had written again.
        let shard = try TestShard()
        for block in UInt32(0)..<10 { try shard.record(writes: [.image(tableMain, block, page(7))]) }
        try shard.record(.storageManager(.truncate(blockCount: 2, relation: table, flags: 1)))
        let lsn = try shard.record(.storageManager(.truncate(blockCount: 6, relation: table, flags: 1)))
        #expect(try shard.ingest.reader.relationSize(tableMain, at: lsn) == 6)
        for block in UInt32(0)..<8 {
            #expect(try shard.ingest.reader.page(tableMain, block: block, at: lsn) == page(block < 2 ? 7 : 0))
        }
    }
}

let tableForks = [tableMain, tableMap, tableFSM]
