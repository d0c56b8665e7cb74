import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing

/// Commits and flushes that fail, and crashes: what was told to be durable is, and nothing is half there.
struct AtomicityTests {
    @Test("a flush that fails moves nothing")
    func failedFlush() throws {
        let store = FaultyStore()
        let shard = try TestShard(testShard(), store: store)
        #expect(shard.ingest.positions.diskConsistentLSN == .invalid)
        try shard.ingest.flush()
        #expect(shard.ingest.positions.diskConsistentLSN == LSN(0x1000))
        let lsn = try shard.record(writes: [.image(tableMain, 0, page(1))])
        #expect(shard.ingest.positions.diskConsistentLSN == LSN(0x1000))
        for fault in [FaultyStore.Fault.refused, .unclear, .full] {
            store.flushFault = fault
            let error = #expect(throws: IngestError.self) { try shard.ingest.flush() }
            #expect(error?.reason.isNoSpace == (fault == .full))
            #expect(shard.ingest.positions.diskConsistentLSN == LSN(0x1000))
            #expect(shard.ingest.positions.lastRecordLSN == lsn)
        }
        // An empty message after the failure must not move it either.
        try shard.ingest(message: testMessage([], nextRecordLSN: lsn + 0x100))
        #expect(shard.ingest.positions.diskConsistentLSN == LSN(0x1000))
        store.flushFault = nil
        try shard.ingest.flush()
        #expect(shard.ingest.positions.diskConsistentLSN == lsn + 0x100)
    }

    @Test("a flush covers what was there when it ran, not what came later")
    func concurrentFlush() throws {
        let shard = try TestShard(testShard(), store: FaultyStore())
        let lsn = try shard.record()
        let outcome = try shard.ingest.startFlush().run()
        try shard.record()
        try shard.ingest.finish(outcome)
        #expect(shard.ingest.positions.diskConsistentLSN == lsn)
        #expect(shard.ingest.positions.lastRecordLSN == shard.position)
    }

    @Test("flushes of empty shards count too")
    func emptyShard() throws {
        let shard = try TestShard(testShard(1, of: 2), store: FaultyStore())
        try shard.ingest(message: testMessage([], nextRecordLSN: LSN(0x9000)))
        try shard.ingest.flush()
        #expect(shard.ingest.positions.diskConsistentLSN == LSN(0x9000))
    }

    @Test("a full disk pauses ingest, and the same message goes on")
    func fullDisk() throws {
        let store = FaultyStore()
        let shard = try TestShard(testShard(), store: store)
        let records = (0..<250).map {
            testRecord(writes: [.image(tableMain, UInt32($0), page(1))], at: LSN(0x2000 + $0 * 8))
        }
        store.commitFault = .full
        for _ in 0..<3 {
            let error = #expect(throws: IngestError.self) { try shard.ingest(records) }
            #expect(error?.reason.isNoSpace == true)
            #expect(shard.ingest.positions.lastRecordLSN == LSN(0x1000))
            // What is there can be read all the while.
            #expect(try shard.ingest.reader.databases(at: LSN(0x1000)).isEmpty)
        }
        store.commitFault = nil
        try shard.ingest(records)
        #expect(shard.ingest.positions.lastRecordLSN == LSN(0x2000 + 249 * 8))
        #expect(shard.ingest.positions.logicalSize == 250 * 8192)
        let other = try TestShard()
        try other.ingest(records)
        #expect(try dump(store) == dump(other.store))
    }

    @Test(
        "faults and crashes at random: nothing is lost, doubled or half done",
        arguments: [UInt64(21), 22, 23, 24, 25, 26, 27, 28]
    )
    func random(seed: UInt64) throws {
        var wal = RandomWAL(seed: seed, from: LSN(0x1000))
        var records = wal.preamble()
        for _ in 0..<1500 { records.append(wal.next()) }
        let expected = try TestShard()
        try expected.ingest(message: records.message(for: .unsharded))

        let identity = try testShard()
        var store = FaultyStore()
        var ingest = try ShardIngest(creating: identity, in: store, at: LSN(0x1000))
        try ingest.flush()
        var promised = ingest.positions.diskConsistentLSN
        var crashes = 0
        var failures = 0
        var steps = 0
        while ingest.positions.lastRecordLSN < expected.ingest.positions.lastRecordLSN {
            steps += 1
            try #require(steps < 10000, "seed \(seed)")
            switch Int.random(in: 0..<20, using: &wal.generator) {
            case 0, 8:
                store.commitFault = [.refused, .unclear, .full].randomElement(using: &wal.generator)
            case 1, 2:
                store.flushFault = wal.generator.chance(1, in: 3) ? .unclear : .refused
                #expect(throws: IngestError.self) { try ingest.flush() }
                store.flushFault = nil
                #expect(ingest.positions.diskConsistentLSN == promised, "seed \(seed)")
                failures += 1
            case 3, 4:
                try ingest.flush()
                promised = ingest.positions.diskConsistentLSN
                #expect(promised == ingest.positions.lastRecordLSN, "seed \(seed)")
            case 5, 6, 7:
                failures += store.failures
                store = FaultyStore(after: store, surviving: Int.random(in: 0...2, using: &wal.generator))
                ingest = try ShardIngest(opening: store, as: identity)
                #expect(ingest.positions.lastRecordLSN >= promised, "seed \(seed)")
                #expect(ingest.positions.diskConsistentLSN == ingest.positions.lastRecordLSN, "seed \(seed)")
                promised = ingest.positions.diskConsistentLSN
                crashes += 1
            default:
                break
            }
            // As a safekeeper does: from the last record on, sometimes from before it.
            let known = records.firstIndex { $0.lsn > ingest.positions.lastRecordLSN } ?? records.endIndex
            let start = max(0, known - Int.random(in: 0...10, using: &wal.generator))
            let end = min(records.count, known + Int.random(in: 1...60, using: &wal.generator))
            do {
                let message = Array(records[start..<end]).message(for: .unsharded)
                try ingest.ingest(message: message.span.bytes)
            } catch {
                #expect(store.commitFault != nil, "seed \(seed): \(error)")
                store.commitFault = nil
            }
        }
        failures += store.failures
        #expect(crashes > 0 && failures > 0, "seed \(seed)")
        #expect(try dump(store) == dump(expected.store), "seed \(seed)")
        #expect(ingest.positions.logicalSize == expected.ingest.positions.logicalSize, "seed \(seed)")
        #expect(ingest.positions.previousRecordLSN == expected.ingest.positions.previousRecordLSN, "seed \(seed)")
    }
}

extension AtomicityTests {
    @Test("pages that one record makes are written ahead, unseen until the commit")
    func writtenAhead() throws {
        var options = IngestOptions()
        options.maximumPendingBytes = 100_000
        let store = FaultyStore()
        let shard = try ShardIngest(creating: testShard(), in: store, at: LSN(0x1000), options: options)
        func ingest(_ record: InterpretedRecord) throws {
            let message = testMessage([record])
            try shard.ingest(message: message.span.bytes)
        }
        try ingest(testRecord(writes: [.image(tableMain, 0, page(1))], at: LSN(0x2000)))
        let before = store.commitCount
        // The gap is written ahead, then the last block is refused.
        var record = testRecord(writes: [.delta(tableMain, 200, [1])], at: LSN(0x3000))
        record.batch.append(.image([1]), key: try #require(CompactKey(.checkpoint)), lsn: LSN(0x3000))
        #expect(throws: IngestError.self) { try ingest(record) }
        #expect(store.commitCount > before + 10)
        #expect(shard.positions.lastRecordLSN == LSN(0x2000))
        #expect(shard.positions.logicalSize == 8192)
        #expect(try shard.reader.relationSize(tableMain, at: LSN(0x2000)) == 1)

        // After a crash nothing of it shows, and the record goes in whole.
        let crashed = FaultyStore(after: store, surviving: .max / 2)
        let again = try ShardIngest(opening: crashed, as: testShard(), options: options)
        #expect(again.positions.lastRecordLSN == LSN(0x2000))
        // What the record itself writes is its own, before and behind what was written ahead.
        let writes: [TestWrite] = [
            .image(tableMain, 3, page(3)), .image(tableMain, 100, page(4)), .image(tableMain, 200, page(5)),
        ]
        let message = testMessage([testRecord(writes: writes, at: LSN(0x3000))])
        try again.ingest(message: message.span.bytes)
        for (block, fill) in [(0, 1), (1, 0), (3, 3), (99, 0), (100, 4), (101, 0), (200, 5)] as [(UInt32, UInt8)] {
            #expect(try again.reader.page(tableMain, block: block, at: LSN(0x3000)) == page(fill))
        }
        #expect(again.positions.logicalSize == 201 * 8192)
        #expect(try again.reader.page(tableMain, block: 199, at: LSN(0x3000)) == page(0))
    }
}
