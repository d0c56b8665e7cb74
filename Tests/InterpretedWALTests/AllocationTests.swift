import CAllocationCount
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing

/// The hot path allocates for what it is, not for what goes through it.
///
/// The WAL is of a workload that reaches every resource manager, so some records carry lists that need memory of their
/// own: commits with subtransactions, for instance. They are few; an allocation for each record would be 60,000.
@Suite struct AllocationTests {
    @Test("decode, interpret and route: no allocation for a record", arguments: [1, 8] as [UInt8])
    func sending(shardCount: UInt8) throws {
        let golden = try GoldenWAL.load("pg16")
        let bytes = try golden.bytes()
        let shards = try (0..<shardCount).map { try ShardIdentity(number: $0, count: shardCount, stripeSize: 8) }
        var decoder = try WALStreamDecoder(version: golden.version, startingAt: golden.start)
        var parsed = ParsedRecord(version: golden.version)
        var batcher = ChunkBatcher(version: golden.version, shards: shards, startingAt: golden.start)
        var records = 0
        var size = 0
        let before = callocation_count()
        for start in stride(from: 0, to: bytes.count, by: 128 << 10) {
            var input = bytes.span.bytes.extracting(start..<min(start + (128 << 10), bytes.count))
            while let record = try decoder.next(&input) {
                try parsed.parse(record)
                try batcher.add(record, parsed)
                records += 1
            }
            batcher.endChunk { _, message, _ in size += message.byteCount }
        }
        let allocations = callocation_count() - before
        #expect(records > 50_000)
        #expect(size > 0)
        #expect(allocations < Self.allowance(for: records), "\(allocations) allocations for \(records) records")
    }

    /// Without the optimiser some values that live on the stack are boxed.
    private static func allowance(for records: Int) -> Int {
        #if DEBUG
            records / 2
        #else
            1000
        #endif
    }

    @Test("parse: no allocation for a record")
    func receiving() throws {
        let golden = try GoldenWAL.load("pg16")
        let bytes = try golden.bytes()
        var decoder = try WALStreamDecoder(version: golden.version, startingAt: golden.start)
        var parsed = ParsedRecord(version: golden.version)
        var batcher = ChunkBatcher(version: golden.version, shards: [.unsharded], startingAt: golden.start)
        var input = bytes.span.bytes
        while let record = try decoder.next(&input) {
            try parsed.parse(record)
            try batcher.add(record, parsed)
        }
        var records = 0
        var values = 0
        try batcher.endChunk { _, message, _ in
            let before = callocation_count()
            var parser = try InterpretedBatchParser(message)
            while let record = try parser.nextRecord() {
                records += 1
                var iterator = record.values
                while try iterator.next() != nil { values += 1 }
            }
            #expect(callocation_count() - before == 0)
        }
        #expect(records > 50_000)
        #expect(values > 50_000)
    }

    /// A counter that never counts would let the others pass.
    @Test(.disabled(if: CountedProcess.isSanitized)) func theCounterCounts() {
        let before = callocation_count()
        let array = [UInt8](repeating: UInt8.random(in: 0...9), count: Int.random(in: 1000...2000))
        #expect(array.count >= 1000)
        #expect(callocation_count() > before)
    }
}

private enum CountedProcess {
    /// Whether the sanitizer's allocator is in place of ours.
    static var isSanitized: Bool {
        let before = callocation_count()
        let array = [UInt8](repeating: 0, count: Int.random(in: 1000...2000))
        return array.count > 0 && callocation_count() == before && before == 0
    }
}
