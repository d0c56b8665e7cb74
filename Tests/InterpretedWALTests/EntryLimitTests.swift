import InterpretedWAL
import PostgresWAL
import ShardIdentity
import Testing

/// A few bytes on the wire become many in memory: what is made into objects is bounded by number, too.
@Suite struct EntryLimitTests {
    private func encoded(records: Int, values: Int) -> [UInt8] {
        let key = CompactKey(high: 1, low: 2)
        let record = InterpretedRecord(
            batch: SerializedValueBatch(
                rawBytes: [],
                metadata: Array(repeating: .observed(key: key, lsn: LSN(8)), count: values)
            ),
            nextRecordLSN: LSN(8),
            xid: 0
        )
        let batch = InterpretedBatch(
            records: Array(repeating: record, count: records),
            nextRecordLSN: LSN(16),
            rawWALStartLSN: nil
        )
        var output = OutputBuffer()
        batch.encodeProtobuf(into: &output)
        return output.array
    }

    @Test(arguments: [(10, 0), (1, 9), (2, 4), (5, 1)])
    func entriesUpToTheLimitAreTaken(records: Int, values: Int) throws {
        let bytes = encoded(records: records, values: values)
        let total = records * (values + 1)
        #expect(try InterpretedBatch(protobuf: bytes.span.bytes, entryLimit: total).records.count == records)
        #expect(throws: WireError.tooManyEntries(limit: total - 1)) {
            try InterpretedBatch(protobuf: bytes.span.bytes, entryLimit: total - 1)
        }
    }

    @Test func aBombOfEmptyRecordsIsRefused() {
        // The shortest legal record: an empty batch and nothing else.
        var bomb: [UInt8] = []
        for _ in 0..<5_000_000 { bomb += [0x0A, 0x02, 0x12, 0x00] }
        bomb += [0x10, 0x08]
        #expect(throws: WireError.tooManyEntries(limit: InterpretedBatch.defaultEntryLimit)) {
            try InterpretedBatch(protobuf: bomb.span.bytes)
        }
    }
}
