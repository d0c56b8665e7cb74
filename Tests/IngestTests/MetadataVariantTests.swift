import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import Testing

/// Each metadata record by hand: the keys and values that it leaves, byte by byte.
struct MetadataVariantTests {
    @Test("an empty timeline has directories and a checkpoint")
    func creation() throws {
        let shard = try TestShard()
        #expect(
            try shard.stored("000000000000000000000000000000000000", at: shard.position)
                == storedImage("0000000000000000")
        )
        #expect(
            try shard.stored("020000000000000000000000000000000000", at: shard.position)
                == storedImage("0000000000000000")
        )
        for kind in ["00", "01", "02"] {
            let key = "01000000\(kind)00000000000000000000000000"
            #expect(try shard.stored(key, at: shard.position) == storedImage("0000000000000000"))
        }
        let zero = String(repeating: "00", count: 88)
        #expect(try shard.stored("030000000000000000000000000000000001", at: shard.position) == storedImage(zero))
    }

    @Test("creating a relation")
    func createRelation() throws {
        let shard = try TestShard()
        let lsn = try shard.record(.storageManager(.create(tableMain)))
        #expect(
            try shard.stored("000000000000000000000000000000000000", at: lsn)
                == storedImage("0000000000000001 0000067F 00000005 00")
        )
        #expect(
            try shard.stored("000000067F00000005000000000000000001", at: lsn)
                == storedImage("0000000000000001 00004000 00")
        )
        #expect(try shard.stored("000000067F000000050000400000FFFFFFFF", at: lsn) == storedImage("00000000"))
        #expect(try shard.ingest.reader.relationSize(tableMain, at: lsn) == 0)

        let second = try shard.record(.storageManager(.create(tableMap)))
        #expect(try shard.stored("000000000000000000000000000000000000", at: second) == nil)
        #expect(
            try shard.stored("000000067F00000005000000000000000001", at: second)
                == storedImage("0000000000000002 00004000 00 00004000 02")
        )
        let error = try #require(throws: IngestError.self) {
            try shard.record(.storageManager(.create(tableMain)))
        }
        #expect(error.reason == .relationExists(tableMain))
        #expect(error.lsn == shard.position)
        #expect(shard.ingest.positions.lastRecordLSN == second)
    }
}
