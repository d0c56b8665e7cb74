import ShardIdentity
import Testing

private let table = RelationTag(
    locator: RelationLocator(tablespace: TablespaceOID.standard, database: 5, relation: 0x4000)
)
private let visibilityMap = RelationTag(locator: table.locator, fork: ForkNumber.visibilityMap)

@Suite("Key: constructors")
struct KeyConstructorTests {
    @Test(arguments: [
        (Key.databaseDirectory, "000000000000000000000000000000000000"),
        (Key.relationMap(tablespace: 0x67F, database: 5), "000000067F00000005000000000000000000"),
        (Key.relationDirectory(tablespace: 0x67F, database: 5), "000000067F00000005000000000000000001"),
        (Key.relationBlock(table, block: 7), "000000067F00000005000040000000000007"),
        (Key.relationBlock(visibilityMap, block: 0xFFFF_FFFE), "000000067F000000050000400002FFFFFFFE"),
        (Key.relationSize(visibilityMap), "000000067F000000050000400002FFFFFFFF"),
        (Key.relationExistence(visibilityMap), "650000067F00000005000040000200000001"),
        (Key.slruDirectory(.clog), "010000000000000000000000000000000000"),
        (Key.slruDirectory(.multiXactOffsets), "010000000200000000000000000000000000"),
        (Key.slruBlock(.clog, segment: 0, block: 5), "010000000000000001000000000000000005"),
        (Key.slruBlock(.multiXactMembers, segment: 2, block: 3), "010000000100000001000000020000000003"),
        (Key.slruSegmentSize(.multiXactOffsets, segment: 7), "0100000002000000010000000700FFFFFFFF"),
        (Key.twoPhaseDirectory, "020000000000000000000000000000000000"),
        (Key.twoPhaseFile(xid: 0x2E4), "0200000000000000000000000000000002E4"),
        (Key.twoPhaseFile(xid: 0xABCD_EF12_3456_789A), "02000000000000000000ABCDEF123456789A"),
        (Key.controlFile, "030000000000000000000000000000000000"),
        (Key.checkpoint, "030000000000000000000000000000000001"),
        (Key.auxFilesLegacy, "030000000000000000000000000000000002"),
        (Key.replicationOrigin(1), "630000000000000000000000000000000001"),
        (Key.replicationOrigin(.max), "63000000000000000000000000000000FFFF"),
    ])
    func fields(key: Key, text: String) {
        #expect(key.description == text)
    }

    @Test(arguments: [
        ("pg_logical/snapshots/0-15E6F50.snap", "620102ebb8f4b3d3da37ce850c691bd0"),
        ("pg_replslot/sub1/state", "6202011cde14934b1dc19112ddcd798a"),
        ("pg_stat/pgstat.stat", "6203014a14af1bd3d02542b00aa75b8e"),
        ("pg_logical/replorigin_checkpoint", "6201032e07bb014262b821756295c58d"),
    ])
    func auxFile(path: String, compact: String) {
        #expect(CompactKey(Key.auxFile(path: path))?.description == compact)
    }

    /// Each directory with the name `a`, whose FNV-1a hash is the well-known d228cb696f1a8caf78912b704e4a8964.
    @Test(arguments: [
        ("pg_logical/mappings/a", "620101"),
        ("pg_logical/snapshots/a", "620102"),
        ("pg_logical/a", "6201ff"),
        ("pg_replslot/a", "620201"),
        ("pg_stat/a", "620301"),
        ("a", "62ffff"),
    ])
    func auxFileDirectory(path: String, prefix: String) {
        #expect(CompactKey(Key.auxFile(path: path))?.description == prefix + "696f1a8caf78912b704e4a8964")
    }

    @Test func auxFileNamesThatOnlyLookLikeADirectory() {
        let empty = "2e07bb014262b821756295c58d"
        #expect(CompactKey(Key.auxFile(path: ""))?.description == "62ffff" + empty)
        #expect(CompactKey(Key.auxFile(path: "pg_stat/"))?.description == "620301" + empty)
        #expect(CompactKey(Key.auxFile(path: "pg_logical/mappings"))?.description.prefix(6) == "6201ff")
        #expect(CompactKey(Key.auxFile(path: "pg_logical/replorigin_checkpoint2"))?.description.prefix(6) == "6201ff")
        #expect(CompactKey(Key.auxFile(path: "pg_stat"))?.description.prefix(6) == "62ffff")
        #expect(CompactKey(Key.auxFile(path: "pg_stat_tmp/a"))?.description.prefix(6) == "62ffff")
        #expect(CompactKey(Key.auxFile(path: "/pg_stat/a"))?.description.prefix(6) == "62ffff")
    }

    @Test func slruKinds() {
        #expect(SLRUKind.allCases.map(\.rawValue) == [0, 1, 2])
        #expect(SLRUKind.allCases.map(\.directory) == ["pg_xact", "pg_multixact/members", "pg_multixact/offsets"])
        #expect(SLRUKind(rawValue: 3) == nil)
    }

    @Test func relationsPrintAsInPostgreSQL() {
        let forks = (UInt8(0)...4).map { RelationTag(locator: table.locator, fork: $0).description }
        #expect(
            forks == [
                "1663/5/16384", "1663/5/16384_fsm", "1663/5/16384_vm", "1663/5/16384_init", "1663/5/16384_fork4",
            ]
        )
    }

    @Test func relationTagOfAKey() {
        #expect(Key.relationBlock(visibilityMap, block: 9).relationTag == visibilityMap)
        #expect(Key.relationSize(table).relationTag == table)
        #expect(Key.relationDirectory(tablespace: 0x67F, database: 5).relationTag == nil)
        #expect(Key.relationExistence(table).relationTag == nil)
        #expect(Key.slruBlock(.clog, segment: 1, block: 0).relationTag == nil)
    }
}

@Suite("Key: ranges")
struct KeyRangeTests {
    @Test(arguments: [
        (
            Key.databaseRange(tablespace: 0x67F, database: 5),
            "000000067F00000005000000000000000000", "000000067F00000005FFFFFFFFFFFFFFFFFF"
        ),
        (
            Key.relationRange(visibilityMap),
            "000000067F00000005000040000200000000", "000000067F00000005000040000300000000"
        ),
        (
            Key.relationRange(RelationTag(locator: table.locator, fork: 0xFF)),
            "000000067F0000000500004000FF00000000", "000000067F00000005000040010000000000"
        ),
        (
            Key.relationExistenceRange,
            "650000000000000000000000000000000000", "660000000000000000000000000000000000"
        ),
        (
            Key.slruSegmentRange(.multiXactMembers, segment: 0xFFFF_FFFF),
            "010000000100000001FFFFFFFF0000000000", "010000000100000001FFFFFFFF0100000000"
        ),
        (
            Key.twoPhaseRange(xid: 0x2E4),
            "0200000000000000000000000000000002E4", "0200000000000000000000000000000002E5"
        ),
        (
            Key.twoPhaseRange(xid: 0xFF_FFFF_FFFF),
            "02000000000000000000000000FFFFFFFFFF", "020000000000000000000000010000000000"
        ),
        (
            Key.twoPhaseRange(xid: .max),
            "02000000000000000000FFFFFFFFFFFFFFFF", "020000000000000001000000000000000000"
        ),
        (
            Key.metadataRange,
            "600000000000000000000000000000000000", "7F0000000000000000000000000000000000"
        ),
        (
            Key.auxFileRange,
            "620000000000000000000000000000000000", "630000000000000000000000000000000000"
        ),
        (
            Key.replicationOriginRange,
            "630000000000000000000000000000000000", "630000000000000000000000000000010000"
        ),
    ])
    func bounds(range: Range<Key>, lower: String, upper: String) {
        #expect(range.lowerBound.description == lower)
        #expect(range.upperBound.description == upper)
    }

    @Test func rangesHoldTheirKeys() {
        #expect(Key.relationRange(table).contains(.relationSize(table)))
        #expect(!Key.relationRange(table).contains(.relationBlock(visibilityMap, block: 0)))
        let database = Key.databaseRange(tablespace: 0x67F, database: 5)
        #expect(database.contains(.relationMap(tablespace: 0x67F, database: 5)))
        #expect(database.contains(.relationDirectory(tablespace: 0x67F, database: 5)))
        #expect(database.contains(.relationSize(visibilityMap)))
        #expect(!database.contains(.relationMap(tablespace: 0x67F, database: 6)))
        #expect(Key.slruSegmentRange(.clog, segment: 3).contains(.slruSegmentSize(.clog, segment: 3)))
        #expect(!Key.slruSegmentRange(.clog, segment: 3).contains(.slruBlock(.clog, segment: 4, block: 0)))
        #expect(Key.auxFileRange.contains(.auxFile(path: "pg_stat/pgstat.stat")))
        #expect(Key.replicationOriginRange.contains(.replicationOrigin(.max)))
        #expect(Key.relationExistenceRange.contains(.relationExistence(table)))
        #expect(Key.metadataRange.contains(.relationExistence(table)))
    }
}
