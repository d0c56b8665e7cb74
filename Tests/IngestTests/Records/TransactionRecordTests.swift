import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import Testing

/// Ends of transactions, the commit log, prepared transactions and origins.
struct TransactionRecordTests {
    static let time: Int64 = 700_000_000_000_000

    private func end(_ xid: UInt32, _ subtransactions: [UInt32] = []) -> XactCommon {
        XactCommon(
            xid: xid,
            info: 0,
            time: Self.time,
            subtransactions: subtransactions,
            headerXID: xid,
            lsn: .invalid
        )
    }

    private func log(_ segment: UInt32, _ block: UInt32) -> String {
        Key.slruBlock(.clog, segment: segment, block: block).description
    }

    @Test("status of transactions: a change for each run on one page")
    func commit() throws {
        let shard = try TestShard()
        try shard.record(.clog(.zeroPage(segment: 0, page: 2)))
        let first = try shard.record(.transaction(.commit(end(724, [725]))))
        #expect(
            try shard.stored(log(0, 0), at: first)
                == "00000001" + "00000002" + "0000000000000002" + "000002D4000002D5" + "00027CA57357C000"
        )
        let second = try shard.record(.transaction(.abort(end(726))))
        #expect(try shard.stored(log(0, 0), at: second) == "00000001" + "00000003" + "0000000000000001" + "000002D6")

        let across = try shard.record(.transaction(.abort(end(32766, [32767, 32768, 32769]))))
        let aborted = "0000000100000003"
        #expect(try shard.stored(log(0, 0), at: across) == aborted + "0000000000000002" + "00007FFE00007FFF")
        #expect(try shard.stored(log(0, 1), at: across) == aborted + "0000000000000002" + "0000800000008001")
        let back = try shard.record(.transaction(.abort(end(65540, [32767]))))
        #expect(try shard.stored(log(0, 2), at: back) == aborted + "0000000000000001" + "00010004")
        #expect(try shard.stored(log(0, 0), at: back) == aborted + "0000000000000001" + "00007FFF")
    }

    @Test("pages of the commit log")
    func pages() throws {
        let shard = try TestShard()
        try shard.record(.clog(.zeroPage(segment: 0, page: 0)))
        let empty = shard.position
        let committed = try shard.record(.transaction(.commit(end(724, [725]))))
        let aborted = try shard.record(.transaction(.abort(end(726))))
        let reader = shard.ingest.reader
        #expect(try reader.slruPage(.clog, segment: 0, block: 0, at: empty) == page(0))
        var expected = page(0)
        expected[181] = 0x05
        expected += [0x00, 0x02, 0x7C, 0xA5, 0x73, 0x57, 0xC0, 0x00]
        #expect(try reader.slruPage(.clog, segment: 0, block: 0, at: committed) == expected)
        expected[181] = 0x25
        #expect(try reader.slruPage(.clog, segment: 0, block: 0, at: aborted) == expected)
        #expect(try reader.slruSegment(.clog, segment: 0, at: aborted) == Array(expected.prefix(8192)))
    }

    @Test("a started page makes the segment, and zeros before it")
    func zeroPage() throws {
        let shard = try TestShard()
        let lsn = try shard.record(.clog(.zeroPage(segment: 1, page: 5)))
        #expect(
            try shard.stored("010000000000000000000000000000000000", at: lsn) == storedImage("000000000000000100000001")
        )
        #expect(try shard.stored("0100000000000000010000000100FFFFFFFF", at: lsn) == storedImage("06000000"))
        for block in UInt32(0)...5 {
            #expect(try shard.stored(log(1, block), at: lsn) == hexText(StoredValue.image(page(0)).encoded()))
        }
        let again = try shard.record(.clog(.zeroPage(segment: 1, page: 2)))
        #expect(try shard.stored("0100000000000000010000000100FFFFFFFF", at: again) == nil)
        #expect(try shard.stored(log(1, 2), at: again) != nil)
        let error = #expect(throws: IngestError.self) { try shard.record(.clog(.zeroPage(segment: 1, page: 32))) }
        #expect(error?.reason == .invalidSLRUPage(kind: .clog, segment: 1, page: 32))
    }

    @Test("truncation drops whole segments before a page")
    func truncate() throws {
        var checkpoint = CheckPoint.zero
        checkpoint.nextXID = 320 * 32768
        let shard = try TestShard(testShard(), checkpoint: checkpoint)
        for segment in UInt32(0)..<10 { try shard.record(.clog(.zeroPage(segment: segment, page: 31))) }
        let before = shard.position
        let lsn = try shard.record(.clog(.truncate(page: 305, oldestXID: 9_994_000, oldestXIDDatabase: 5)))
        let reader = shard.ingest.reader
        #expect(try reader.slruSegments(.clog, at: before) == Array(0..<10))
        #expect(try reader.slruSegments(.clog, at: lsn) == [9])
        #expect(try reader.checkpoint(at: lsn).oldestXID == 9_994_000)
        #expect(try reader.checkpoint(at: lsn).oldestXIDDatabase == 5)
        // A page behind the newest one looks like a wraparound: nothing is dropped.
        let next = try shard.record(.clog(.truncate(page: 400, oldestXID: 1, oldestXIDDatabase: 5)))
        #expect(try reader.slruSegments(.clog, at: next) == [9])
        #expect(shard.warnings.all == [.commitLogWraparound(page: 400, lsn: next)])
    }

    @Test("other shards keep no SLRUs, and do not fail for want of them")
    func otherShards() throws {
        var checkpoint = CheckPoint.zero
        checkpoint.nextXID = 320 * 32768
        let shard = try TestShard(testShard(1, of: 2), checkpoint: checkpoint)
        try shard.record(.clog(.zeroPage(segment: 0, page: 0)))
        try shard.record(.transaction(.commit(end(724, [725]))), xid: 724)
        try shard.record(.clog(.truncate(page: 305, oldestXID: 9_994_000, oldestXIDDatabase: 5)))
        try shard.record(.multiXact(.zeroPage(kind: .multiXactMembers, segment: 0, page: 0)))
        let members = [MultiXactMember(xid: 800, status: 0)]
        try shard.record(.multiXact(.create(multiXact: 1, memberOffset: 1, members: members)))
        let lsn = try shard.record(
            .multiXact(
                .truncate(oldestDatabase: 1, startMultiXact: 1, endMultiXact: 2, startMember: 0, endMember: 99999)
            )
        )
        var keys: [Key] = []
        let end = Key(field1: 2, field2: 0, field3: 0, field4: 0, field5: 0, field6: 0)
        let start = Key(field1: 1, field2: 0, field3: 0, field4: 0, field5: 0, field6: 0)
        try shard.store.visitNewest(in: start..<end, atOrBelow: lsn) { key, _, _ in
            keys.append(key)
            return true
        }
        #expect(keys == [])
        let counters = try shard.ingest.reader.checkpoint(at: lsn)
        #expect(counters.oldestXID == 9_994_000)
        #expect(counters.oldestMultiXact == 2)
        #expect(counters.nextMultiXact == 2)
        #expect(throws: ReadError.foreignKey(.slruDirectory(.clog))) {
            try shard.ingest.reader.slruSegments(.clog, at: lsn)
        }
    }

    // MARK: - Drops and origins

    @Test("a transaction drops all forks of relations")
    func drops() throws {
        let shard = try TestShard()
        try shard.record(writes: [
            .image(tableMain, 2, page(1)), .image(tableMap, 0, page(1)), .image(tableFSM, 0, page(1)),
        ])
        let other = RelationTag(locator: RelationLocator(tablespace: 1663, database: 5, relation: 16385))
        try shard.record(writes: [.image(other, 0, page(1))])
        #expect(shard.ingest.positions.logicalSize == 6 * 8192)
        var commit = end(724)
        let unknown = RelationLocator(tablespace: 1663, database: 5, relation: 99)
        commit.droppedRelations = [table, unknown, table]
        let lsn = try shard.record(.transaction(.commit(commit)))
        #expect(
            try shard.ingest.reader.relations(of: DatabaseLocator(tablespace: 1663, database: 5), at: lsn) == [other]
        )
        #expect(try shard.stored(RelationRecordTests.directory, at: lsn) == storedImage("0000000000000001 00004001 00"))
        #expect(shard.ingest.positions.logicalSize == 8192)
        #expect(try shard.ingest.reader.relationSize(tableMain, at: lsn) == nil)
        // The same file again is a new relation.
        let again = try shard.record(.storageManager(.create(tableMain)))
        #expect(try shard.ingest.reader.relationSize(tableMain, at: again) == 0)

        var abort = end(725)
        abort.droppedRelations = [RelationLocator(tablespace: 1663, database: 77, relation: 1)]
        let error = #expect(throws: IngestError.self) { try shard.record(.transaction(.abort(abort))) }
        #expect(error?.reason == .missing(.relationDirectory(tablespace: 1663, database: 77)))
    }

    @Test("origins follow commits and aborts, and are dropped")
    func origins() throws {
        let shard = try TestShard()
        let key = "630000000000000000000000000000000007"
        var commit = end(724)
        commit.originID = 7
        commit.originLSN = LSN(0x1234)
        let first = try shard.record(.transaction(.commit(commit)))
        #expect(try shard.stored(key, at: first) == storedImage("0000000000001234"))
        commit.originLSN = LSN(0x5678)
        let second = try shard.record(.transaction(.abort(commit)))
        #expect(try shard.stored(key, at: second) == storedImage("0000000000005678"))
        try shard.record(.replicationOrigin(.set(remoteLSN: LSN(0x99), originID: 8)))
        let third = shard.position
        let fourth = try shard.record(.replicationOrigin(.drop(originID: 7)))
        #expect(try shard.stored(key, at: fourth) == storedImage("0000000000000000"))
        let reader = shard.ingest.reader
        #expect(try reader.replicationOrigins(at: third) == [7: LSN(0x5678), 8: LSN(0x99)])
        #expect(try reader.replicationOrigins(at: fourth) == [8: LSN(0x99)])
    }

    // MARK: - Prepared transactions

    @Test("prepared transactions up to 16 have 32 bits, from 17 on 64", arguments: [PostgresMajorVersion.v16, .v17])
    func prepared(version: PostgresMajorVersion) throws {
        var checkpoint = CheckPoint.zero
        checkpoint.nextXID = 0xA_0000_0400
        let shard = try TestShard(testShard(version: version), checkpoint: checkpoint)
        let directory = "020000000000000000000000000000000000"
        let wide = version == .v17
        let file = wide ? "020000000000000000000000000A000002E4" : "0200000000000000000000000000000002E4"
        let id: UInt64 = wide ? 0xA_0000_02E4 : 0x2E4

        let lsn = try shard.record(.transaction(.prepare(xid: 0x2E4, data: [1, 2, 3])))
        #expect(
            try shard.stored(directory, at: lsn)
                == storedImage("0000000000000001" + (wide ? "0000000A000002E4" : "000002E4"))
        )
        #expect(try shard.stored(file, at: lsn) == storedImage("010203"))
        let reader = shard.ingest.reader
        #expect(try reader.preparedTransactions(at: lsn) == [id])
        #expect(try reader.preparedTransaction(id, at: lsn) == [1, 2, 3])
        let error = #expect(throws: IngestError.self) {
            try shard.record(.transaction(.prepare(xid: 0x2E4, data: [])))
        }
        #expect(error?.reason == .preparedTransactionExists(xid: id))

        let done = try shard.record(.transaction(.commitPrepared(end(0x2E4))))
        #expect(try reader.preparedTransactions(at: done) == [])
        let missing = try shard.record(.transaction(.abortPrepared(end(0x2E4))))
        #expect(shard.warnings.all == [.unknownPreparedTransaction(xid: id, lsn: missing)])
    }

    @Test("an id beyond the next one is of the epoch before")
    func epochs() throws {
        var checkpoint = CheckPoint.zero
        checkpoint.nextXID = 0x1_0000_0400
        let shard = try TestShard(testShard(version: .v17), checkpoint: checkpoint)
        let lsn = try shard.record(.transaction(.prepare(xid: 0xFFFF_FFF0, data: [1])))
        #expect(try shard.ingest.reader.preparedTransactions(at: lsn) == [0xFFFF_FFF0])

        checkpoint.nextXID = 0x400
        let first = try TestShard(testShard(version: .v17), checkpoint: checkpoint)
        let error = #expect(throws: IngestError.self) {
            try first.record(.transaction(.prepare(xid: 0x401, data: [1])))
        }
        #expect(error?.reason == .wraparound(xid: 0x401, nextXID: 0x400))
    }
}
