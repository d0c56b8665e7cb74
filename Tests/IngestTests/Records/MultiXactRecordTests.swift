import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import Testing

/// Multixacts: their changes, pages, segments and counters.
struct MultiXactRecordTests {
    private func members(_ xids: [UInt32], _ statuses: [UInt32]) -> [MultiXactMember] {
        zip(xids, statuses).map { MultiXactMember(xid: $0, status: $1) }
    }

    private func stored(_ shard: TestShard, _ kind: SLRUKind, page: UInt32, at lsn: LSN) throws -> String? {
        try shard.stored(Key.slruBlock(kind, segment: page / 32, block: page % 32).description, at: lsn)
    }

    private func create(_ multiXact: UInt32, at offset: UInt32, _ members: [MultiXactMember]) -> MetadataRecord {
        .multiXact(.create(multiXact: multiXact, memberOffset: offset, members: members))
    }

    @Test("a multixact is a change of offsets and one of members")
    func small() throws {
        let shard = try TestShard()
        try shard.record(.multiXact(.zeroPage(kind: .multiXactOffsets, segment: 0, page: 0)))
        try shard.record(.multiXact(.zeroPage(kind: .multiXactMembers, segment: 0, page: 0)))
        let lsn = try shard.record(create(1, at: 1, members([724, 725], [0, 4])))
        #expect(try stored(shard, .multiXactOffsets, page: 0, at: lsn) == "00000001000000040000000100000001")
        #expect(
            try stored(shard, .multiXactMembers, page: 0, at: lsn)
                == "0000000100000005" + "00000001" + "0000000000000002" + "000002D400000000" + "000002D500000004"
        )
        let reader = shard.ingest.reader
        let offsets = try reader.slruPage(.multiXactOffsets, segment: 0, block: 0, at: lsn)
        #expect(Array(offsets[0..<12]) == hexBytes("00000000 01000000 00000000"))
        let page = try reader.slruPage(.multiXactMembers, segment: 0, block: 0, at: lsn)
        #expect(Array(page[0..<16]) == hexBytes("00000400 00000000 D4020000 D5020000"))
        let counters = try reader.checkpoint(at: lsn)
        #expect(counters.nextMultiXact == 2)
        #expect(counters.nextMultiXactOffset == 3)
        #expect(counters.nextXID == 0x400)
    }

    @Test("members are split at the page's end")
    func acrossPages() throws {
        let shard = try TestShard()
        try shard.record(.multiXact(.zeroPage(kind: .multiXactMembers, segment: 0, page: 1)))
        let lsn = try shard.record(create(9, at: 1634, members([1000, 1001, 1002, 1003, 1004], [1, 5, 0, 0, 0])))
        let prefix = "0000000100000005"
        #expect(
            try stored(shard, .multiXactMembers, page: 0, at: lsn)
                == prefix + "00000662" + "0000000000000002" + "000003E800000001" + "000003E900000005"
        )
        #expect(
            try stored(shard, .multiXactMembers, page: 1, at: lsn)
                == prefix + "00000664" + "0000000000000003" + "000003EA00000000000003EB00000000000003EC00000000"
        )
        let reader = shard.ingest.reader
        let first = try reader.slruPage(.multiXactMembers, segment: 0, block: 0, at: lsn)
        #expect(Array(first[8160..<8180]) == hexBytes("00000105 00000000 00000000 E8030000 E9030000"))
        let second = try reader.slruPage(.multiXactMembers, segment: 0, block: 1, at: lsn)
        #expect(Array(second[0..<16]) == hexBytes("00000000 EA030000 EB030000 EC030000"))
        #expect(try reader.checkpoint(at: lsn).nextMultiXactOffset == 1639)
    }

    @Test("members are split where offsets wrap around")
    func acrossTheEnd() throws {
        var checkpoint = CheckPoint.zero
        checkpoint.nextMultiXactOffset = 0xFFFF_FFF0
        let shard = try TestShard(testShard(), checkpoint: checkpoint)
        try shard.record(.multiXact(.zeroPage(kind: .multiXactMembers, segment: 0, page: 0)))
        try shard.record(.multiXact(.zeroPage(kind: .multiXactMembers, segment: 82040, page: 5)))
        let lsn = try shard.record(create(9, at: 0xFFFF_FFFE, members([10, 11, 12], [0, 0, 5])))
        let prefix = "0000000100000005"
        #expect(
            try stored(shard, .multiXactMembers, page: 2_625_285, at: lsn)
                == prefix + "FFFFFFFE" + "0000000000000002" + "0000000A000000000000000B00000000"
        )
        #expect(
            try stored(shard, .multiXactMembers, page: 0, at: lsn)
                == prefix + "00000000" + "0000000000000001" + "0000000C00000005"
        )
        let page = try shard.ingest.reader.slruPage(.multiXactMembers, segment: 82040, block: 5, at: lsn)
        // The flags of the last offset of all are at 5160 with 24 bits to the right, its transaction at 5176.
        #expect(Array(page[5172..<5180]) == hexBytes("0A000000 0B000000"))
        #expect(try shard.ingest.reader.checkpoint(at: lsn).nextMultiXactOffset == 1)
    }

    @Test(
        "where an offset is",
        arguments: [
            (0, 0, 0, 0), (1, 0, 0, 4), (2047, 0, 0, 8188), (2048, 0, 1, 0), (65536, 1, 0, 0),
            (0xFFFF_FFFF, 65535, 31, 8188),
        ] as [(UInt32, UInt32, UInt32, Int)]
    )
    func offsets(multiXact: UInt32, segment: UInt32, block: UInt32, byte: Int) throws {
        let shard = try TestShard()
        try shard.record(.multiXact(.zeroPage(kind: .multiXactOffsets, segment: segment, page: block)))
        try shard.record(.multiXact(.zeroPage(kind: .multiXactMembers, segment: 0, page: 0)))
        let lsn = try shard.record(create(multiXact, at: 0x0102_0304 % 1000, members([5], [0])))
        let page = try shard.ingest.reader.slruPage(.multiXactOffsets, segment: segment, block: block, at: lsn)
        let offset = littleEndian(0x0102_0304 % 1000)
        #expect(Array(page[byte..<byte + 4]) == offset)
        #expect(page.filter { $0 != 0 }.count == offset.filter { $0 != 0 }.count)
    }

    @Test("truncation drops members from a segment up to another one, around the end too")
    func truncate() throws {
        let perSegment: UInt32 = 1636 * 32
        for (start, end, left) in [
            (0, 2, [2, 3, 82040]), (1, 3, [0, 3, 82040]), (2, 2, [0, 1, 2, 3, 82040]), (82040, 1, [1, 2, 3]),
        ] as [(UInt32, UInt32, [UInt32])] {
            let shard = try TestShard()
            for segment in [0, 1, 2, 3, 82040] as [UInt32] {
                try shard.record(.multiXact(.zeroPage(kind: .multiXactMembers, segment: segment, page: 0)))
                try shard.record(.multiXact(.zeroPage(kind: .multiXactOffsets, segment: segment % 100, page: 0)))
            }
            let lsn = try shard.record(
                .multiXact(
                    .truncate(
                        oldestDatabase: 5,
                        startMultiXact: 7,
                        endMultiXact: 8,
                        startMember: start * perSegment + 5,
                        endMember: end * perSegment + 9
                    )
                )
            )
            let reader = shard.ingest.reader
            #expect(try reader.slruSegments(.multiXactMembers, at: lsn) == left)
            #expect(try reader.slruSegments(.multiXactOffsets, at: lsn).count == 5)
            #expect(try reader.checkpoint(at: lsn).oldestMultiXact == 8)
            #expect(try reader.checkpoint(at: lsn).oldestMultiXactDatabase == 5)
        }
    }
}
