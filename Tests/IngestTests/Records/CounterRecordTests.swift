import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import Testing

/// The counters that a server starts with, and how they follow the WAL.
struct CounterRecordTests {
    /// What a stock PostgreSQL 15 has after `initdb`.
    static let initial =
        "881A510100000000 01000000 01000000 0100000000000000 D402000000000000 05350000 01000000 00000000 CC020000"
        + "01000000 01000000 01000000 00000000 1042036B00000000 00000000 00000000 00000000 00000000"

    private func checkpoint(_ text: String) throws -> CheckPoint {
        let bytes = hexBytes(text)
        let checkpoint = CheckPoint(bytes.span.bytes)
        return try #require(checkpoint)
    }

    @Test("the form is carried through byte by byte")
    func form() throws {
        let bytes = (0..<88).map { UInt8($0) ^ 0xA5 }
        let read = CheckPoint(bytes.span.bytes)
        #expect(read?.bytes == bytes)
        for size in [0, 87, 89] {
            let other = [UInt8](repeating: 0, count: size)
            let none = CheckPoint(other.span.bytes)
            #expect(none == nil)
        }
        let checkpoint = try checkpoint(Self.initial)
        #expect(checkpoint.redo == 0x151_1A88)
        #expect(checkpoint.timelines == (1, 1))
        #expect(checkpoint.nextXID == 724)
        #expect(checkpoint.nextOID == 0x3505)
        #expect(checkpoint.oldestXID == 716)
        #expect(checkpoint.oldestXIDDatabase == 1)
        #expect(checkpoint.time == 0x6B03_4210)
    }

    @Test("a shutdown checkpoint, a transaction and a snapshot")
    func example() throws {
        let shard = try TestShard(testShard(), at: LSN(0x151_1A88), checkpoint: checkpoint(Self.initial))
        let key = "030000000000000000000000000000000001"
        let end = LSN(0x151_1B00)
        let record = MetadataRecord.xlog(.raw(info: 0x00, lsn: end, mainData: hexBytes(Self.initial)))
        try shard.ingest([testRecord(record, at: end)])
        var expected = hexBytes(Self.initial)
        expected.replaceSubrange(0..<8, with: hexBytes("001B510100000000"))
        expected.replaceSubrange(80..<84, with: hexBytes("D4020000"))
        #expect(try shard.stored(key, at: end) == hexText(StoredValue.image(expected).encoded()))

        try shard.ingest([testRecord(xid: 724, at: end + 0x100)])
        expected.replaceSubrange(24..<32, with: hexBytes("0004000000000000"))
        #expect(try shard.stored(key, at: end + 0x100) == hexText(StoredValue.image(expected).encoded()))
        try shard.ingest([testRecord(.standby(.runningTransactions(oldestRunningXID: 725)), xid: 725, at: end + 0x200)])
        expected.replaceSubrange(80..<84, with: hexBytes("D5020000"))
        #expect(try shard.stored(key, at: end + 0x200) == hexText(StoredValue.image(expected).encoded()))
    }

    @Test(
        "the next transaction id goes in steps of 1024",
        arguments: [
            (724, 724, 0x400), (0x400, 0x3FF, 0x400), (0x400, 0x400, 0x800), (0x400, 0xFFFF_FFFF, 0x400),
            (0x1_FFFF_FC00, 0xFFFF_FFFE, 0x2_0000_0000), (0x1_FFFF_FC00, 0xFFFF_FFFF, 0x2_0000_0400),
            (0x1_FFFF_FC00, 5, 0x2_0000_0400),
        ] as [(UInt64, UInt32, UInt64)]
    )
    func nextXID(before: UInt64, xid: UInt32, after: UInt64) throws {
        var checkpoint = CheckPoint.zero
        checkpoint.nextXID = before
        let shard = try TestShard(testShard(), checkpoint: checkpoint)
        let lsn = try shard.record(xid: xid)
        #expect(try shard.ingest.reader.checkpoint(at: lsn).nextXID == after)
        // Nothing is written if nothing has changed.
        let stored = try shard.stored("030000000000000000000000000000000001", at: lsn)
        #expect((stored != nil) == (before != after))
    }

    @Test("what a checkpoint record says, and what of it counts")
    func checkpoints() throws {
        var before = CheckPoint.zero
        before.nextXID = 0x2_0000_0800
        before.nextOID = 7
        before.oldestXID = 500
        before.redo = 99
        var logged = CheckPoint.zero
        logged.nextXID = 0x9_0000_0000
        logged.nextOID = 9999
        logged.oldestXID = 600
        logged.oldestActiveXID = 700
        logged.redo = 12345
        let shard = try TestShard(testShard(), checkpoint: before)
        func ingest(_ info: UInt8) throws -> CheckPoint {
            let lsn = try shard.record(.xlog(.raw(info: info, lsn: .invalid, mainData: logged.bytes)))
            return try shard.ingest.reader.checkpoint(at: lsn)
        }
        var expected = before
        expected.oldestXID = 600
        expected.oldestActiveXID = 700
        expected.redo = 0
        #expect(try ingest(0x10) == expected)
        logged.oldestXID = 550
        logged.oldestActiveXID = 0
        expected.oldestActiveXID = 0
        #expect(try ingest(0x10) == expected)
        // Nothing runs after a shutdown, but what is prepared.
        expected.oldestActiveXID = 0x800
        expected.redo = shard.position.rawValue + 0x100
        #expect(try ingest(0x00) == expected)
        try shard.record(.transaction(.prepare(xid: 0x700, data: [1])))
        try shard.record(.transaction(.prepare(xid: 0x6FF, data: [1])))
        try shard.record(.transaction(.prepare(xid: 0xFFFF_FF00, data: [1])))
        expected.oldestActiveXID = 0xFFFF_FF00
        expected.redo = shard.position.rawValue + 0x100
        #expect(try ingest(0x00) == expected)
    }

    @Test("a prepared transaction counts also if it is in the same message as the checkpoint")
    func preparedInSameMessage() throws {
        var before = CheckPoint.zero
        before.nextXID = 0x800
        let shard = try TestShard(testShard(version: .v17), checkpoint: before)
        let zero = CheckPoint.zero.bytes
        try shard.ingest([
            testRecord(.transaction(.prepare(xid: 0x700, data: [1])), at: LSN(0x2000)),
            testRecord(.xlog(.raw(info: 0, lsn: LSN(0x2100), mainData: zero)), at: LSN(0x2100)),
        ])
        #expect(try shard.ingest.reader.checkpoint(at: LSN(0x2100)).oldestActiveXID == 0x700)
    }

    @Test("single counters, and records without meaning")
    func others() throws {
        for (version, isKept) in [(PostgresMajorVersion.v16, false), (.v17, true)] {
            let shard = try TestShard(testShard(version: version))
            func ingest(_ info: UInt8, _ data: [UInt8]) throws -> CheckPoint {
                let lsn = try shard.record(.xlog(.raw(info: info, lsn: .invalid, mainData: data)))
                return try shard.ingest.reader.checkpoint(at: lsn)
            }
            #expect(try ingest(0x30, littleEndian(24576)).nextOID == 24576)
            let parameters = [UInt8](repeating: 9, count: 20) + littleEndian(2) + [0, 0]
            #expect(try ingest(0x60, parameters).walLevel == (isKept ? 2 : 0))
            let recovery = [UInt8](repeating: 9, count: 16) + littleEndian(1)
            #expect(try ingest(0x90, recovery).walLevel == (isKept ? 1 : 0))
            let before = try shard.ingest.reader.checkpoint(at: shard.position)
            for info in [0x20, 0x40, 0x70, 0x80, 0xA0, 0xB0, 0xD0, 0xE0, 0x50] as [UInt8] {
                #expect(try ingest(info, []) == before)
            }
        }
    }

    @Test(
        "records that are too short are refused",
        arguments: [(0x00, 88), (0x10, 88), (0x30, 4), (0x60, 24), (0x90, 20)] as [(UInt8, Int)]
    )
    func short(info: UInt8, size: Int) throws {
        let shard = try TestShard(version: .v17)
        let data = [UInt8](repeating: 0, count: size - 1)
        let error = #expect(throws: IngestError.self) {
            try shard.record(.xlog(.raw(info: info, lsn: .invalid, mainData: data)))
        }
        #expect(error?.reason == .shortRecord(info: info, length: size - 1, expected: size))
    }
}
