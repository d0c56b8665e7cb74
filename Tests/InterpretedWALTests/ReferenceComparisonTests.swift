import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing

/// Our protobuf codec against libprotobuf-c, both ways.
@Suite struct ReferenceComparisonTests {
    private func expectAgreement(_ batch: InterpretedBatch, _ name: @autoclosure () -> String) throws {
        let wire = WireFormat(format: .protobuf)
        let ours = try wire.encode(batch)
        let theirs = ReferenceCodec.encode(batch)
        // Compared before the macro, which would print megabytes.
        let agree = ours == theirs
        #expect(agree, "encoding of \(name())")
        let oursOfTheirs = try wire.decode(theirs) == batch
        #expect(oursOfTheirs, "our decoding of \(name())")
        let theirsOfOurs = try ReferenceCodec.decode(ours) == batch
        #expect(theirsOfOurs, "reference decoding of \(name())")
    }

    @Test func sample() throws {
        try expectAgreement(SampleBatch.batch, "sample")
        try expectAgreement(SampleBatch.empty, "empty message")
    }

    @Test func randomBatches() throws {
        for seed in 0..<2_000 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            try expectAgreement(generator.batch(), "seed \(seed)")
        }
    }

    @Test func randomBatchesInBincode() throws {
        let wire = WireFormat(format: .bincode)
        for seed in 0..<2_000 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let batch = generator.batch()
            let decoded = try wire.decode(try wire.encode(batch))
            #expect(decoded == batch, "seed \(seed)")
        }
    }

    @Test func greatestNumbers() throws {
        let key = CompactKey(high: .max, low: .max)
        let values = SerializedValueBatch(
            metadata: [
                .serialized(key: key, lsn: LSN(.max), offset: 0, length: 0, willInit: true),
                .observed(key: key, lsn: LSN(.max)),
            ],
            maxLSN: LSN(.max),
            count: 1
        )
        let record = InterpretedRecord(
            metadata: .replicationOrigin(.set(remoteLSN: LSN(.max), originID: .max)),
            batch: values,
            nextRecordLSN: LSN(.max),
            flushUncommitted: true,
            xid: .max
        )
        try expectAgreement(
            InterpretedBatch(records: [record], nextRecordLSN: LSN(.max), rawWALStartLSN: LSN(.max)),
            "maximum"
        )
    }

    @Test func zeros() throws {
        let key = CompactKey(high: 0, low: 0)
        let values = SerializedValueBatch(
            metadata: [
                .serialized(key: key, lsn: .invalid, offset: 0, length: 0, willInit: false),
                .observed(key: key, lsn: .invalid),
            ],
            count: 1
        )
        let record = InterpretedRecord(batch: values, nextRecordLSN: .invalid, xid: 0)
        try expectAgreement(
            InterpretedBatch(records: [record], nextRecordLSN: .invalid, rawWALStartLSN: .invalid),
            "zeros"
        )
    }

    @Test func eightMegabyteRecord() throws {
        var values = SerializedValueBatch()
        let record = [UInt8](repeating: 0x5A, count: 8 << 20)
        values.append(
            .record(.postgres(willInit: false, record: record)),
            key: CompactKey(high: 1, low: 2),
            lsn: LSN(8)
        )
        try expectAgreement(
            InterpretedBatch(
                records: [InterpretedRecord(batch: values, nextRecordLSN: LSN(8), xid: 3)],
                nextRecordLSN: LSN(8)
            ),
            "8 MB record"
        )
    }

    @Test func manyValues() throws {
        var values = SerializedValueBatch()
        for block in 0..<65_535 as Range<UInt64> {
            values.append(.image([]), key: CompactKey(high: 0x0006_7F00_0000_0500, low: block), lsn: LSN(8))
        }
        try expectAgreement(
            InterpretedBatch(
                records: [InterpretedRecord(batch: values, nextRecordLSN: LSN(8), xid: 3)],
                nextRecordLSN: LSN(8)
            ),
            "65,535 values"
        )
    }

    /// Relation file numbers around 2^23 and the extremes: the lower half of such keys once came back negative.
    @Test(arguments: [0, 0x007F_FFFF, 0x0080_0000, 0x0080_0001, 0xFFFF_FFFF] as [UInt32])
    func keysAroundTheSignBit(relation: UInt32) throws {
        for other: UInt32 in [5, 0xFFFF_FFFF] {
            let key = try #require(
                CompactKey(
                    Key(field1: 0, field2: other, field3: other, field4: relation, field5: 0, field6: 3000)
                )
            )
            var values = SerializedValueBatch()
            values.append(.image([1]), key: key, lsn: LSN(8))
            values.metadata.append(.observed(key: key, lsn: LSN(8)))
            let batch = InterpretedBatch(
                records: [InterpretedRecord(batch: values, nextRecordLSN: LSN(8), xid: 3)],
                nextRecordLSN: LSN(8)
            )
            try expectAgreement(batch, "relation \(relation)")
            let bincode = WireFormat(format: .bincode)
            #expect(try bincode.decode(try bincode.encode(batch)) == batch)
        }
    }

    /// The protobuf forms of keys in `wal-interpretation.md` §17.3.
    @Test(arguments: [
        ("00067f00000005000040000000000007", "08808a808080e09f03108780808080808020"),
        ("00067f00000005000040000200000000", "08808a808080e09f031080808080a0808020"),
        ("00067f00000005007fffff0000000bb8", "08808a808080e09f0310b897808080e0ffff7f"),
        ("00067f00000005008000000000000bb8", "08808a808080e09f0310b8978080808080808001"),
        ("00067f00000005008000010000000bb8", "08808a808080e09f0310b897808080a080808001"),
        ("00ffffffffffffffffffff0000000000", "08ffffffffffffff7f108080808080e0ffffff01"),
        ("00222200000005000000060000000001", "08808a808080c08811108180808080c001"),
        ("01000100000001000000020000000003", "088082808080a080800110838080808040"),
        ("0200000000000000abcdef123456789a", "08808080808080808002109af1d9a2a3e2fbe6ab01"),
        ("03000000000000000000000000000001", "088080808080808080031001"),
    ])
    func keyVectors(compact: String, protobuf: String) throws {
        let key = try CompactKey(decoding: hex(compact))
        let message = InterpretedBatch(
            records: [
                InterpretedRecord(
                    batch: SerializedValueBatch(metadata: [.observed(key: key, lsn: .invalid)]),
                    nextRecordLSN: .invalid,
                    xid: 0
                )
            ],
            nextRecordLSN: .invalid
        )
        let content = hex(protobuf)
        let entry = [0x08, 0x01, 0x12, UInt8(content.count)] + content
        let values = [0x12, UInt8(entry.count)] + entry
        let record = [0x12, UInt8(values.count)] + values
        let expected = [0x0A, UInt8(record.count)] + record + [0x10, 0x00]
        let wire = WireFormat(format: .protobuf)
        #expect(try wire.encode(message) == expected)
        #expect(try wire.decode(expected) == message)
    }
}
