import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import Testing

/// A store belongs to one shard of one timeline.
struct OpeningTests {
    private func fault(_ body: () throws -> Void, _ location: SourceLocation = #_sourceLocation) -> IngestFault? {
        #expect(throws: IngestError.self, sourceLocation: location, performing: body)?.reason
    }

    @Test("another identity is refused, and named")
    func identity() throws {
        let own = try testShard(1, of: 4, stripe: 2048)
        let store = InMemoryStore()
        _ = try ShardIngest(creating: own, in: store, at: LSN(0x1000))
        let others = [
            try testShard(1, of: 4, stripe: 32768), try testShard(2, of: 4), try testShard(1, of: 8),
            try testShard(0, of: 0), try testShard(1, of: 4, version: .v16),
            TimelineShard(tenant: TenantID(bits: 9), timeline: own.timeline, identity: own.identity, version: .v15),
            TimelineShard(tenant: own.tenant, timeline: TimelineID(bits: 9), identity: own.identity, version: .v15),
        ]
        for other in others {
            #expect(fault { _ = try ShardIngest(opening: store, as: other) } == .otherShard(stored: own))
        }
        let again = try ShardIngest(opening: store, as: own)
        #expect(again.positions.lastRecordLSN == LSN(0x1000))
        #expect(again.positions.initialLSN == LSN(0x1000))
    }

    @Test("an unsharded tenant's stripe size counts too")
    func unshardedStripe() throws {
        let store = InMemoryStore()
        _ = try ShardIngest(creating: testShard(stripe: 2048), in: store, at: LSN(0x1000))
        #expect(fault { _ = try ShardIngest(opening: store, as: testShard(stripe: 32768)) } != nil)
    }

    @Test("an empty store is not opened, a full one not made")
    func emptyAndFull() throws {
        let store = InMemoryStore()
        let shard = try testShard()
        #expect(fault { _ = try ShardIngest(opening: store, as: shard) } == .notCreated)
        _ = try ShardIngest(creating: shard, in: store, at: LSN(0x1000))
        #expect(fault { _ = try ShardIngest(creating: shard, in: store, at: LSN(0x1000)) } == .alreadyCreated)
        #expect(fault { _ = try ShardIngest(creating: shard, in: InMemoryStore(), at: LSN(0x1001)) } == .misaligned)
    }

    @Test("a state record of another form is refused")
    func unreadable() throws {
        let shard = try testShard()
        let whole = InMemoryStore()
        _ = try ShardIngest(creating: shard, in: whole, at: LSN(0x1000))
        let state = try #require(whole.readState())
        for bytes in [[], Array(state.dropLast()), state + [0], [UInt8(1)] + state.dropFirst()] {
            let store = InMemoryStore()
            store.commit(StoreBatch(), state: bytes)
            #expect(fault { _ = try ShardIngest(opening: store, as: shard) } == .unreadableState)
        }
        let empty = InMemoryStore()
        empty.commit(StoreBatch(), state: state)
        #expect(fault { _ = try ShardIngest(opening: empty, as: shard) } == .missing(.checkpoint))
    }

    @Test("flushes are due by distance, times the shards, and by time")
    func flushPolicy() throws {
        let shard = try TestShard()
        try shard.ingest.flush()
        let policy = FlushPolicy()
        func isDue(_ count: UInt8, _ seconds: Int) -> Bool {
            policy.isDue(shard.ingest.positions, shardCount: ShardCount(count), after: .seconds(seconds))
        }
        #expect(!isDue(0, 100_000))
        try shard.ingest(message: testMessage([], nextRecordLSN: LSN(0x1008)))
        #expect(!isDue(0, 599))
        #expect(isDue(0, 600))
        try shard.ingest(message: testMessage([], nextRecordLSN: LSN(0x1000) + (256 << 20) - 8))
        #expect(!isDue(0, 0))
        try shard.ingest(message: testMessage([], nextRecordLSN: LSN(0x1000) + (256 << 20)))
        #expect(isDue(0, 0))
        #expect(isDue(1, 0))
        #expect(!isDue(2, 0))
        try shard.ingest.flush()
        #expect(!isDue(0, 0))
    }

    @Test("all goes on after opening as before", arguments: [UInt64(41), 42])
    func goesOn(seed: UInt64) throws {
        var wal = RandomWAL(seed: seed, from: LSN(0x1000))
        var records = wal.preamble()
        for _ in 0..<400 { records.append(wal.next()) }
        let one = try TestShard()
        try one.ingest(message: records.message(for: .unsharded))
        let store = InMemoryStore()
        _ = try ShardIngest(creating: testShard(), in: store, at: LSN(0x1000))
        for record in records {
            let opened = try ShardIngest(opening: store, as: testShard())
            let message = [record].message(for: .unsharded)
            try opened.ingest(message: message.span.bytes)
        }
        #expect(try dump(store) == dump(one.store), "seed \(seed)")
        let opened = try ShardIngest(opening: store, as: testShard())
        #expect(opened.positions.logicalSize == one.ingest.positions.logicalSize, "seed \(seed)")
        #expect(opened.positions.previousRecordLSN == one.ingest.positions.previousRecordLSN, "seed \(seed)")
    }
}
