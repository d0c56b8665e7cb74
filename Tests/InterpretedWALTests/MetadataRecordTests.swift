import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing

/// Source: `wal-interpretation.md` §11 and §17.2.
@Suite struct MetadataRecordTests {
    static let relation = RelationLocator(tablespace: 1663, database: 5, relation: 16384)
    static let visibilityMap = RelationTag(locator: relation, fork: 2)
    static let end = XactCommon(
        xid: 740,
        info: 0,
        time: 0x0002_B5D3_1122_3344,
        xinfo: 0x26,
        subtransactions: [741, 742],
        droppedRelations: [relation],
        originLSN: LSN(0x1234),
        originID: 1,
        headerXID: 740,
        lsn: LSN(0x200_0100)
    )

    static func transaction(_ variant: String) -> String {
        "00000005\(variant)000002e4000002b5d3112233440000002600000000000000000000000000000002000002e5000002e6"
            + "00000000000000010000067f000000050000400000000000000012340001000002e40000000002000100"
    }

    static let vectors: [(MetadataRecord, String)] = [
        (
            .heap(
                .clearVisibilityBits(
                    ClearVisibilityBits(newHeapBlock: nil, oldHeapBlock: 7, visibilityMap: visibilityMap, flags: 2)
                )
            ),
            "0000000000000000000100000007020000067f000000050000400002"
        ),
        (
            .neon(
                .clearVisibilityBits(
                    ClearVisibilityBits(newHeapBlock: 40000, oldHeapBlock: 7, visibilityMap: visibilityMap, flags: 3)
                )
            ),
            "00000001000000000100009c400100000007020000067f000000050000400003"
        ),
        (
            .storageManager(.create(RelationTag(locator: relation, fork: 0))),
            "0000000200000000000000067f0000000500004000"
        ),
        (
            .storageManager(.truncate(blockCount: 3, relation: relation, flags: 7)),
            "0000000200000001000000030000067f000000050000400000000007"
        ),
        (
            .database(.create(database: 16390, tablespace: 1663, sourceDatabase: 1, sourceTablespace: 1663)),
            "0000000300000000000040060000067f000000010000067f"
        ),
        (
            .database(.drop(database: 16390, tablespaces: [1663, 16400])),
            "00000003000000010000400600000000000000020000067f00004010"
        ),
        (.clog(.zeroPage(segment: 1, page: 2)), "00000004000000000000000100000002"),
        (
            .clog(.truncate(page: 64, oldestXID: 800, oldestXIDDatabase: 1)),
            "0000000400000001000000400000032000000001"
        ),
        (.transaction(.commit(end)), transaction("00000000")),
        (.transaction(.abort(end)), transaction("00000001")),
        (.transaction(.commitPrepared(end)), transaction("00000002")),
        (.transaction(.abortPrepared(end)), transaction("00000003")),
        (.transaction(.prepare(xid: 750, data: [1, 2, 3])), "0000000500000004000002ee0000000000000003010203"),
        (
            .multiXact(.zeroPage(kind: .multiXactOffsets, segment: 0, page: 1)),
            "0000000600000000000000020000000000000001"
        ),
        (
            .multiXact(.zeroPage(kind: .multiXactMembers, segment: 0, page: 1)),
            "0000000600000000000000010000000000000001"
        ),
        (
            .multiXact(
                .create(
                    multiXact: 1,
                    memberOffset: 1,
                    members: [MultiXactMember(xid: 800, status: 0), MultiXactMember(xid: 801, status: 5)]
                )
            ),
            "0000000600000001000000010000000100000002000000000000000200000320000000000000032100000005"
        ),
        (
            .multiXact(
                .truncate(oldestDatabase: 1, startMultiXact: 2, endMultiXact: 3, startMember: 4, endMember: 5)
            ),
            "00000006000000020000000100000002000000030000000400000005"
        ),
        (
            .relationMap(.update(database: 5, tablespace: 1663, size: 4, content: [0x17, 0x27, 0x59, 0x00])),
            "0000000700000000000000050000067f00000004000000000000000417275900"
        ),
        (
            .xlog(.raw(info: 0x30, lsn: LSN(0x1_0000_0028), mainData: [0x00, 0x60, 0x00, 0x00])),
            "0000000800000000300000000100000028000000000000000400600000"
        ),
        (
            .logicalMessage(.put(path: "pg_logical/x", content: Array("hi".utf8))),
            "0000000900000000000000000000000c70675f6c6f676963616c2f7800000000000000026869"
        ),
        (.logicalMessage(.failpoint), "0000000900000001"),
        (.standby(.runningTransactions(oldestRunningXID: 745)), "0000000a00000000000002e9"),
        (.replicationOrigin(.set(remoteLSN: LSN(0x1234), originID: 1)), "0000000b0000000000000000000012340001"),
        (.replicationOrigin(.drop(originID: 1)), "0000000b000000010001"),
    ]

    @Test(arguments: vectors) func encodesAndDecodes(record: MetadataRecord, bytes: String) throws {
        #expect(record.encoded() == hex(bytes))
        #expect(try MetadataRecord(decoding: hex(bytes)) == record)
    }

    @Test(arguments: vectors) func everyCutIsAnError(record: MetadataRecord, bytes: String) {
        let whole = hex(bytes)
        for length in 0..<whole.count {
            #expect(throws: BincodeError.self) { try MetadataRecord(decoding: Array(whole[..<length])) }
        }
        #expect(throws: BincodeError.trailingBytes(count: 1)) { try MetadataRecord(decoding: whole + [0]) }
    }

    @Test func minimalSizes() {
        let end = XactCommon(xid: 0, info: 0, time: 0, headerXID: 0, lsn: .invalid)
        #expect(MetadataRecord.transaction(.commit(end)).encoded().count == 71)
        let sizes: [(MetadataRecord, Int)] = [
            (.database(.drop(database: 0, tablespaces: [])), 8 + 12),
            (.transaction(.prepare(xid: 0, data: [])), 8 + 12),
            (.multiXact(.create(multiXact: 0, memberOffset: 0, members: [])), 8 + 20),
            (.relationMap(.update(database: 0, tablespace: 0, size: 0, content: [])), 8 + 20),
            (.xlog(.raw(info: 0, lsn: .invalid, mainData: [])), 8 + 17),
            (.logicalMessage(.put(path: "", content: [])), 8 + 16),
            (
                .heap(
                    .clearVisibilityBits(
                        ClearVisibilityBits(
                            newHeapBlock: nil,
                            oldHeapBlock: nil,
                            visibilityMap: Self.visibilityMap,
                            flags: 0
                        )
                    )
                ), 8 + 16
            ),
        ]
        for (record, size) in sizes { #expect(record.encoded().count == size, "\(record)") }
    }

    @Test(arguments: [
        ("MetadataRecord", "0000000c", 12),
        ("MetadataRecord.Heapam", "0000000000000001", 1),
        ("MetadataRecord.Neonrmgr", "0000000100000001", 1),
        ("MetadataRecord.Smgr", "0000000200000002", 2),
        ("MetadataRecord.Dbase", "0000000300000002", 2),
        ("MetadataRecord.Clog", "0000000400000002", 2),
        ("MetadataRecord.Xact", "0000000500000005", 5),
        ("MetadataRecord.MultiXact", "0000000600000003", 3),
        ("MetadataRecord.MultiXact.ZeroPage.slru_kind", "000000060000000000000003", 3),
        ("MetadataRecord.Relmap", "0000000700000001", 1),
        ("MetadataRecord.Xlog", "0000000800000001", 1),
        ("MetadataRecord.LogicalMessage", "0000000900000002", 2),
        ("MetadataRecord.Standby", "0000000a00000001", 1),
        ("MetadataRecord.Replorigin", "0000000bffffffff", UInt32.max),
    ])
    func unknownVariantsAreNamed(path: String, bytes: String, value: UInt32) {
        #expect(throws: BincodeError.unknownVariant(path: path, value: value)) {
            try MetadataRecord(decoding: hex(bytes))
        }
    }

    @Test func lengthsAreCheckedBeforeRoomIsMade() {
        let huge = "ffffffffffffffff"
        #expect(throws: BincodeError.truncated(offset: 25, needed: .max, available: 1)) {
            try MetadataRecord(decoding: hex("0000000800000000300000000100000028\(huge)00"))
        }
        #expect(throws: BincodeError.sequenceTooLong(offset: 12, count: .max, maximum: 1)) {
            try MetadataRecord(decoding: hex("000000030000000100004006\(huge)00000000ffffff"))
        }
    }

    @Test func otherMalformedContent() {
        #expect(throws: BincodeError.invalidFlag(offset: 8, value: 2)) {
            try MetadataRecord(decoding: hex("000000000000000002"))
        }
        #expect(throws: BincodeError.invalidUTF8(offset: 8)) {
            try MetadataRecord(decoding: hex("0000000900000000 0000000000000001ff 0000000000000000"))
        }
        #expect(throws: BincodeError.countMismatch(offset: 16, declared: 2, found: 1)) {
            try MetadataRecord(
                decoding: hex("0000000600000001 0000000100000001 00000002 0000000000000001 0000032000000000")
            )
        }
    }
}
