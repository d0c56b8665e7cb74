import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing

/// A record decoded on its own is the record decoded as a part of its message.
@Suite struct SingleRecordTests {
    @Test func singleRecordsEqualThoseOfTheMessage() throws {
        let golden = try GoldenWAL.load("pg17")
        let bytes = try golden.bytes(to: golden.start + 1_000_000)
        var decoder = try WALStreamDecoder(version: golden.version, startingAt: golden.start)
        var parsed = ParsedRecord(version: golden.version)
        var interpreter = BatchInterpreter(version: golden.version, shards: [.unsharded])
        var single: [InterpretedRecord] = []
        var next = golden.start
        var input = bytes.span.bytes
        while let record = try decoder.next(&input) {
            try parsed.parse(record)
            try interpreter.interpret(record, parsed)
            next = record.next
            if let last = interpreter.lastRecord(of: 0) { single.append(try InterpretedRecord(protobuf: last)) }
        }
        interpreter.finishBatch(of: 0, nextRecordLSN: next, rawWALStartLSN: golden.start)
        let batch = try InterpretedBatch(protobuf: interpreter.batch(of: 0))
        #expect(single.count > 1000)
        #expect(single == batch.records)
        #expect(single.allSatisfy { $0.nextRecordLSN > golden.start })
        #expect(single.contains { $0.metadata != nil })
        #expect(single.contains { $0.batch.count > 0 })
    }

    @Test func aRecordWithoutABatchIsAnError() {
        let bytes: [UInt8] = [0x18, 0x08]
        #expect(throws: WireError.missingField(.batch)) { try InterpretedRecord(protobuf: bytes.span.bytes) }
    }
}
