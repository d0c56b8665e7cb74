import InterpretationModel
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing

/// What bounds batches, and their life from the first record to the next batch.
@Suite("Batches of the interpreter")
struct BatchBoundTests {
    private static let record = CraftedRecord(
        resourceManager: .btree,
        info: 0x00,
        blocks: [CraftedBlock(block: 0), CraftedBlock(block: 1)]
    )

    @Test("A record may take so many bytes and no more", arguments: [ResourceManager.btree, .xlog])
    func maximumRecordBytes(resourceManager: ResourceManager) throws {
        var record = Self.record
        record.resourceManager = resourceManager
        let length = WALRecord.headerSize + record.contents.fragments.count
        // Two values of a record each; and once more for metadata, if it has any.
        let needed = 2 * (17 + length) + (resourceManager == .xlog ? length : 0)
        #expect(try Interpretation.error(of: record, version: .v16, maximumRecordBytes: needed) == nil)
        let error = try #require(try Interpretation.error(of: record, version: .v16, maximumRecordBytes: needed - 1))
        #expect(error.reason == .tooLarge(bytes: needed, limit: needed - 1))
        #expect(error.description.contains("\(needed) bytes when interpreted, at most \(needed - 1) allowed"))
    }

    @Test("A record of 8 MB that names 33 blocks is refused by the standard limit, not stored 33 times")
    func amplification() throws {
        var record = CraftedRecord(
            resourceManager: .generic,
            info: 0x00,
            blocks: (0..<33).map { CraftedBlock(block: $0) },
            mainData: Array(repeating: 0x5A, count: 8 << 20)
        )
        let error = try #require(try Interpretation.error(of: record, version: .v16))
        guard case .tooLarge(let bytes, let limit) = error.reason else {
            Issue.record("\(error)")
            return
        }
        #expect(bytes > 33 * (8 << 20) && limit == 256 << 20)
        record.blocks.removeLast(10)
        #expect(try Interpretation.error(of: record, version: .v16) == nil)
    }

    @Test("What metadata adds is within the limit's constant", arguments: WellFormedRecord.all)
    func metadataIsNoLonger(wellFormed: WellFormedRecord) throws {
        let result = try Interpretation.results(of: wellFormed.record.contents, version: wellFormed.version)[0]
        let metadata = result?.record.metadata?.encoded().count ?? 0
        #expect(metadata <= WALRecord.headerSize + wellFormed.record.contents.fragments.count + 128)
    }

    @Test("A batch is finished, removed and begun again")
    func life() throws {
        let shards = try ShardIdentity.all(count: 2, stripeSize: 1)
        var interpreter = BatchInterpreter(version: .v16, shards: shards)
        for start: LSN? in [LSN(0x200_0000), nil] {
            try Interpretation.withRecord(Self.record.contents, version: .v16) { record, parsed in
                try interpreter.interpret(record, parsed)
                try interpreter.interpret(record, parsed)
            }
            for index in shards.indices {
                #expect(interpreter.recordCount(of: index) == 2)
                interpreter.finishBatch(of: index, nextRecordLSN: Interpretation.next, rawWALStartLSN: start)
                let batch = try InterpretedBatch(protobuf: interpreter.batch(of: index))
                #expect(batch.records.count == 2)
                #expect(batch.nextRecordLSN == Interpretation.next)
                #expect(batch.rawWALStartLSN == start)
                #expect(ReferenceCodec.encode(batch) == interpreter.copyOfBatch(of: index))
                interpreter.removeBatch(of: index)
                #expect(interpreter.recordCount(of: index) == 0)
                #expect(interpreter.copyOfBatch(of: index).isEmpty)
                #expect(try interpreter.lastResult(of: index) == nil)
            }
        }
    }

    @Test("The batch of no records")
    func empty() throws {
        var interpreter = BatchInterpreter(version: .v16, shards: [.unsharded])
        #expect(try interpreter.lastResult(of: 0) == nil)
        interpreter.finishBatch(of: 0, nextRecordLSN: LSN(0x200_0138), rawWALStartLSN: nil)
        #expect(interpreter.copyOfBatch(of: 0) == hex("10b8828010"))
        interpreter.removeBatch(of: 0)
        interpreter.finishBatch(of: 0, nextRecordLSN: LSN(0x200_0138), rawWALStartLSN: LSN(0x200_0000))
        #expect(interpreter.copyOfBatch(of: 0) == hex("10b88280101880808010"))
    }

    @Test("A chunk that completes no record makes no message; the next message covers both")
    func chunks() throws {
        let shards = try ShardIdentity.all(count: 2, stripeSize: 1)
        var end = LSN(0x200_0028)
        var batcher = ChunkBatcher(version: .v16, shards: shards, startingAt: end)
        var messages: [InterpretedBatch] = []
        let endChunk = { (batcher: inout ChunkBatcher) in
            messages.removeAll()
            try batcher.endChunk { (index: Int, message: RawSpan, records: Int) throws in
                #expect(index == messages.count)
                messages.append(try InterpretedBatch(protobuf: message))
                #expect(messages[index].records.count == records)
            }
        }
        try endChunk(&batcher)
        #expect(messages.isEmpty)
        for next in [LSN(0x200_0100), LSN(0x200_0300)] {
            let start = end
            try Interpretation.withRecord(Self.record.contents, version: .v16, next: next) { record, parsed in
                try batcher.add(record, parsed)
                end = record.end
            }
            try endChunk(&batcher)
            #expect(messages.map(\.nextRecordLSN) == [next, next])
            #expect(messages.map(\.rawWALStartLSN) == [start, start])
            #expect(messages.allSatisfy { $0.records.map(\.nextRecordLSN) == [next] })
            try endChunk(&batcher)
            #expect(messages.isEmpty)
        }
    }
}
