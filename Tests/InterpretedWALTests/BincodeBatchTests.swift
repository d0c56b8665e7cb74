import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing

/// Source: `wal-interpretation.md` §12 and §16.
@Suite struct BincodeBatchTests {
    @Test func sizes() {
        let record = InterpretedRecord(nextRecordLSN: LSN(8), xid: 0)
        #expect(record.encoded().count == 49)
        let key = CompactKey(high: 0, low: 0)
        let serialized = ValueMetadata.serialized(key: key, lsn: LSN(8), offset: 0, length: 0, willInit: false)
        #expect(serialized.encoded().count == 45)
        #expect(ValueMetadata.observed(key: key, lsn: LSN(8)).encoded().count == 28)
        var buffer = OutputBuffer()
        InterpretedBatch(nextRecordLSN: LSN(8)).encodeBincode(into: &buffer)
        #expect(buffer.array.count == 17)
    }

    @Test func olderVersionsAreRead() throws {
        var batch = SampleBatch.batch
        batch.rawWALStartLSN = nil
        var buffer = OutputBuffer()
        batch.encodeBincode(into: &buffer)
        let records = Array(buffer.array.dropLast(9))

        let listOnly = try InterpretedBatch(
            bincode: records.span.bytes,
            version: .recordsOnly(nextRecordLSN: LSN(0x200_0138))
        )
        #expect(listOnly == batch)

        let withOption = records + [1] + hex("0000000002000138")
        #expect(try InterpretedBatch(bincode: withOption.span.bytes, version: .optionalNextRecordLSN) == batch)

        let withoutLSN = records + [0]
        #expect(throws: WireError.missingField(.nextRecordLSN)) {
            try InterpretedBatch(bincode: withoutLSN.span.bytes, version: .optionalNextRecordLSN)
        }
        #expect(throws: WireError.self) { try InterpretedBatch(bincode: withOption.span.bytes) }
    }

    @Test func everyCutIsAnError() {
        for length in 0..<SampleBatch.bincode.count {
            let cut = Array(SampleBatch.bincode[..<length])
            #expect(throws: WireError.self) { try InterpretedBatch(bincode: cut.span.bytes) }
        }
        let longer = SampleBatch.bincode + [0]
        #expect(throws: WireError.bincode(.trailingBytes(count: 1))) {
            try InterpretedBatch(bincode: longer.span.bytes)
        }
    }

    @Test func countsAreCheckedBeforeRoomIsMade() {
        let bytes = hex("7fffffffffffffff") + [UInt8](repeating: 0, count: 100)
        #expect(throws: WireError.bincode(.sequenceTooLong(offset: 0, count: 0x7FFF_FFFF_FFFF_FFFF, maximum: 2))) {
            try InterpretedBatch(bincode: bytes.span.bytes)
        }
    }

    @Test func valuesAreChecked() throws {
        var batch = SampleBatch.batch
        batch.records[0].batch.count = 2
        #expect(throws: WireError.valueCountMismatch(declared: 2, found: 1)) { try roundTrip(batch) }
        batch = SampleBatch.batch
        batch.records[0].batch.rawBytes.removeLast()
        #expect(throws: WireError.valueOutOfBounds(lsn: LSN(0x200_0100), offset: 0, length: 21, rawSize: 20)) {
            try roundTrip(batch)
        }
    }

    @Test func flushIsAnEnumWithYesFirst() {
        let yes = InterpretedRecord(nextRecordLSN: LSN(8), flushUncommitted: true, xid: 0).encoded()
        #expect(yes[41..<45] == [0, 0, 0, 0])
        let no = InterpretedRecord(nextRecordLSN: LSN(8), xid: 0).encoded()
        #expect(no[41..<45] == [0, 0, 0, 1])
        var other = no
        other[44] = 2
        #expect(throws: BincodeError.unknownVariant(path: "FlushUncommittedRecords", value: 2)) {
            try InterpretedRecord(decoding: other)
        }
    }

    private func roundTrip(_ batch: InterpretedBatch) throws -> InterpretedBatch {
        let wire = WireFormat(format: .bincode)
        return try wire.decode(try wire.encode(batch))
    }
}
