import InterpretationModel
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import Testing

/// Source: `wal-interpretation.md` §4 and §5.
///
/// There is no record with a page image that gives no page (``InterpretationError/Reason/image(_:)``): what the parser
/// lets through is sound as long as it is not compressed, and only such images are restored.
@Suite("Records without a meaning")
struct InterpretationErrorTests {
    struct BadRecord: CustomStringConvertible {
        var name: String
        var version: PostgresMajorVersion = .v16
        var record: CraftedRecord
        var reason: InterpretationError.Reason
        var text: String

        var description: String { name }
    }

    static let unsupportedKey = Key(
        field1: 0,
        field2: 0x10000,
        field3: 5,
        field4: 6,
        field5: 0,
        field6: 1
    )

    static let table: [BadRecord] = [
        BadRecord(
            name: "truncated",
            record: CraftedRecord(resourceManager: .clog, info: 0x00, mainData: [1, 2, 3]),
            reason: .truncated(needed: 4, found: 3),
            text: "main data of 3 bytes, at least 4 expected"
        ),
        BadRecord(
            name: "length",
            record: CraftedRecord(
                resourceManager: .heap,
                info: 0x00,
                blocks: [CraftedBlock(block: 1)],
                mainData: [1, 0, 0, 0]
            ),
            reason: .length(expected: 3, found: 4),
            text: "main data of 4 bytes, 3 expected"
        ),
        BadRecord(
            name: "length of a multi insert",
            record: CraftedRecord(
                resourceManager: .heap2,
                info: 0xD0,
                blocks: [CraftedBlock(block: 1)],
                mainData: HeapMainData.multiInsert(flags: 1, rows: 2)
            ),
            reason: .length(expected: 4, found: 8),
            text: "main data of 8 bytes, 4 expected"
        ),
        BadRecord(
            name: "count too high",
            record: CraftedRecord(
                resourceManager: .multiXact,
                info: 0x20,
                mainData: littleEndian(UInt32(1), UInt32(1), UInt32.max, UInt64(0))
            ),
            reason: .count(4_294_967_295, found: 8),
            text: "a count of 4294967295 with 8 bytes following it"
        ),
        BadRecord(
            name: "count negative",
            record: CraftedRecord(
                resourceManager: .standby,
                info: 0x10,
                mainData: littleEndian(Int32(4), Int32(-4), UInt64(0), UInt64(0))
            ),
            reason: .count(-4, found: 24),
            text: "a count of -4 with 24 bytes following it"
        ),
        BadRecord(
            name: "prefix of no bytes",
            record: CraftedRecord(
                resourceManager: .logicalMessage,
                info: 0x00,
                mainData: littleEndian(UInt64(0), UInt64(0), UInt64(2), UInt16(0))
            ),
            reason: .count(0, found: 2),
            text: "a count of 0 with 2 bytes following it"
        ),
        BadRecord(
            name: "prefix beyond the end",
            record: CraftedRecord(
                resourceManager: .logicalMessage,
                info: 0x00,
                mainData: littleEndian(UInt64(0), UInt64.max, UInt64(2), UInt16(0))
            ),
            reason: .count(.max, found: 2),
            text: "a count of 9223372036854775807 with 2 bytes following it"
        ),
        BadRecord(
            name: "key",
            record: CraftedRecord(
                resourceManager: .btree,
                info: 0x00,
                blocks: [CraftedBlock(block: 0), CraftedBlock(tablespace: 0x10000, relation: 6, block: 1)]
            ),
            reason: .unsupportedKey(unsupportedKey),
            text: "Unsupported key decoded at LSN 0/2000100: 000001000000000005000000060000000001"
        ),
        BadRecord(
            name: "prefix",
            record: CraftedRecord(
                resourceManager: .logicalMessage,
                info: 0x00,
                mainData: LogicalMessage.mainData(prefix: Array("abc".utf8) + [0xFF])
            ),
            reason: .prefixNotUTF8(index: 3),
            text: "invalid utf-8 sequence"
        ),
        BadRecord(
            name: "CLOG operation",
            record: CraftedRecord(resourceManager: .clog, info: 0x20, mainData: [1, 2, 3, 4]),
            reason: .unknownOperation(0x20),
            text: "unknown operation 32"
        ),
        BadRecord(
            name: "NEON operation",
            version: .v17,
            record: CraftedRecord(resourceManager: .neon, info: 0x60, blocks: [CraftedBlock(block: 1)]),
            reason: .unknownOperation(0x60),
            text: "Unknown WAL record type for Neon RMGR: 96"
        ),
        BadRecord(
            name: "NEON operation, init page",
            version: .v16,
            record: CraftedRecord(resourceManager: .neon, info: 0xF0, blocks: [CraftedBlock(block: 1)]),
            reason: .unknownOperation(0x70),
            text: "Unknown WAL record type for Neon RMGR: 112"
        ),
        BadRecord(
            name: "NEON in 14",
            version: .v14,
            record: CraftedRecord(resourceManager: .neon, info: 0x00, mainData: HeapMainData.insert(flags: 0)),
            reason: .neonResourceManager(.v14),
            text: "Neon RMGR has no known compatibility with PostgreSQL version PgMajorVersion::PG14"
        ),
        BadRecord(
            name: "NEON in 15",
            version: .v15,
            record: CraftedRecord(resourceManager: .neon, info: 0x60),
            reason: .neonResourceManager(.v15),
            text: "Neon RMGR has no known compatibility with PostgreSQL version PgMajorVersion::PG15"
        ),
        BadRecord(
            name: "no block",
            record: CraftedRecord(resourceManager: .heap, info: 0x00, mainData: HeapMainData.insert(flags: 1)),
            reason: .noBlock,
            text: "the operation needs a block reference, and there is none"
        ),
    ]

    @Test("Each reason has a record, and says where", arguments: table)
    func reason(bad: BadRecord) throws {
        let found = try Interpretation.error(of: bad.record, version: bad.version)
        let error = try #require(found)
        #expect(error.reason == bad.reason)
        #expect(error.description.contains(bad.text), "\(error)")
        #expect(error.description.contains("\(error.lsn)"))
        #expect(error.next == Interpretation.next)
        #expect(error.resourceManager == bad.record.resourceManager)
        #expect(error.info == bad.record.info)
    }

    @Test("No batch changes, and the next record finds the interpreter as it was", arguments: table)
    func batchesStay(bad: BadRecord) throws {
        let good = CraftedRecord(resourceManager: .btree, info: 0x00, blocks: (0..<4).map { CraftedBlock(block: $0) })
        let shards = try ShardIdentity.all(count: 4, stripeSize: 1)
        var interpreter = BatchInterpreter(version: bad.version, shards: shards)
        var expected = BatchInterpreter(version: bad.version, shards: shards)
        try Interpretation.withRecord(good.contents, version: bad.version) { record, parsed in
            try interpreter.interpret(record, parsed)
            try expected.interpret(record, parsed)
        }
        let before = shards.indices.map { interpreter.copyOfBatch(of: $0) }
        try Interpretation.withRecord(bad.record.contents, version: bad.version) { record, parsed in
            #expect(throws: InterpretationError.self) { try interpreter.interpret(record, parsed) }
        }
        for index in shards.indices {
            #expect(interpreter.copyOfBatch(of: index) == before[index])
            #expect(interpreter.recordCount(of: index) == expected.recordCount(of: index))
        }
        try Interpretation.withRecord(good.contents, version: bad.version) { record, parsed in
            try interpreter.interpret(record, parsed)
            try expected.interpret(record, parsed)
        }
        for index in shards.indices {
            #expect(interpreter.copyOfBatch(of: index) == expected.copyOfBatch(of: index))
        }
    }

    @Test("A key that can't be sent fails the record for all shards, owners or not")
    func unsupportedKeyOfOthers() throws {
        let record = CraftedRecord(
            resourceManager: .btree,
            info: 0x00,
            blocks: [CraftedBlock(tablespace: 0xFFFF_FFFE, relation: 6, block: 1)]
        )
        for shard in try ShardIdentity.all(count: 4, stripeSize: 8) {
            #expect(throws: InterpretationError.self) {
                try Interpretation.results(of: record.contents, version: .v16, shards: [shard])
            }
        }
    }

    @Test("Tablespaces that have a place in a key", arguments: [0, 0xFFFF, 0xFFFF_FFFF, 0x2222_2222] as [UInt32])
    func supportedKeys(tablespace: UInt32) throws {
        let block = CraftedBlock(tablespace: tablespace, block: 1)
        let record = CraftedRecord(resourceManager: .btree, info: 0x00, blocks: [block])
        let result = try Interpretation.results(of: record.contents, version: .v16)[0]
        let key = CompactKey(.block(1, tablespace: tablespace))
        #expect(result?.record.batch.metadata.map(\.key) == [try #require(key)])
    }

    @Test("Main data cut at every length", arguments: WellFormedRecord.all)
    func truncation(wellFormed: WellFormedRecord) throws {
        let full = wellFormed.record.mainData
        for length in 0...full.count + 8 {
            var record = wellFormed.record
            record.mainData = Array((full + Array(repeating: 0, count: 8)).prefix(length))
            let error = try Interpretation.error(of: record, version: wellFormed.version)
            switch wellFormed.need {
            case .exactly: #expect((error == nil) == (length == full.count), "\(length) of \(full.count) bytes")
            case .atLeast(let needed): #expect((error == nil) == (length >= needed), "\(length) of \(full.count) bytes")
            }
        }
    }
}
