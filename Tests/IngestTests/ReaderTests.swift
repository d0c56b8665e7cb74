import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import Testing

/// Reading, at all the LSNs.
struct ReaderTests {
    @Test("what is not there yet and what is too old is refused")
    func bounds() throws {
        let shard = try TestShard()
        let lsn = try shard.record(writes: [.image(tableMain, 0, page(1))])
        let reader = shard.ingest.reader
        #expect(throws: ReadError.notYetThere(lsn: lsn + 8, lastRecordLSN: lsn)) {
            try reader.page(tableMain, block: 0, at: lsn + 8)
        }
        #expect(throws: ReadError.tooOld(lsn: LSN(0xFF8), initialLSN: LSN(0x1000))) {
            try reader.databases(at: LSN(0xFF8))
        }
        #expect(try reader.databases(at: LSN(0x1000)).isEmpty)
        #expect(try !reader.relationExists(tableMain, at: LSN(0x1000)))
        #expect(try reader.relationExists(tableMain, at: lsn))
    }

    @Test("sizes and pages as they were")
    func history() throws {
        // The sheet's example: pages at 20, 30, 40 and 50, truncation at 60 and 68, growth at 70 and 80.
        let shard = try TestShard(testShard(), at: LSN(0x10))
        let reader = shard.ingest.reader
        for (lsn, block, fill) in [(0x20, 0, 0x20), (0x30, 0, 0x30), (0x40, 1, 0x40), (0x50, 2, 0x50)]
            as [(UInt64, UInt32, UInt8)]
        {
            try shard.ingest([testRecord(writes: [.image(tableMain, block, page(fill))], at: LSN(lsn))])
        }
        #expect(try reader.relationSize(tableMain, at: LSN(0x10)) == nil)
        #expect(try reader.relationSize(tableMain, at: LSN(0x20)) == 1)
        #expect(try reader.relationSize(tableMain, at: LSN(0x50)) == 3)
        #expect(try reader.page(tableMain, block: 0, at: LSN(0x20)) == page(0x20))
        #expect(try reader.page(tableMain, block: 0, at: LSN(0x38)) == page(0x30))
        #expect(try reader.page(tableMain, block: 2, at: LSN(0x40)) == page(0))
        func truncate(to blocks: UInt32, at lsn: UInt64) throws {
            let change = StorageManagerMetadata.truncate(blockCount: blocks, relation: table, flags: 1)
            try shard.ingest([testRecord(.storageManager(change), at: LSN(lsn))])
        }
        try truncate(to: 2, at: 0x60)
        #expect(try reader.relationSize(tableMain, at: LSN(0x50)) == 3)
        #expect(try reader.relationSize(tableMain, at: LSN(0x60)) == 2)
        try truncate(to: 0, at: 0x68)
        #expect(try reader.relationSize(tableMain, at: LSN(0x68)) == 0)
        try shard.ingest([testRecord(writes: [.image(tableMain, 1, page(0x70))], at: LSN(0x70))])
        #expect(try reader.relationSize(tableMain, at: LSN(0x70)) == 2)
        #expect(try reader.page(tableMain, block: 0, at: LSN(0x70)) == page(0))
        #expect(try reader.page(tableMain, block: 1, at: LSN(0x70)) == page(0x70))
        try shard.ingest([testRecord(writes: [.image(tableMain, 1500, page(0x80))], at: LSN(0x80))])
        #expect(try reader.relationSize(tableMain, at: LSN(0x80)) == 1501)
        for block in UInt32(2)..<1500 { #expect(try reader.page(tableMain, block: block, at: LSN(0x80)) == page(0)) }
    }

    @Test("the last image and the changes behind it")
    func changes() throws {
        let shard = try TestShard()
        let key = Key.relationBlock(tableMain, block: 0)
        let first = try shard.record(writes: [.image(tableMain, 0, page(1))])
        let second = try shard.record(writes: [.delta(tableMain, 0, [2])])
        let third = try shard.record(writes: [.delta(tableMain, 0, [3])])
        let fourth = try shard.record(writes: [.image(tableMain, 0, page(4))])
        let reader = shard.ingest.reader
        let history = try reader.history(of: key, at: third)
        #expect(history.base?.lsn == first)
        #expect(history.base?.value == .image(page(1)))
        #expect(history.changes.map(\.lsn) == [second, third])
        #expect(try reader.history(of: key, at: fourth).changes.isEmpty)
        #expect(try reader.history(of: key, at: fourth).base?.value == .image(page(4)))
        #expect(try reader.history(of: key, at: LSN(0x1000)).base == nil)
        let all = try reader.versions(of: key, in: second...fourth)
        #expect(all.map(\.lsn) == [fourth, third, second])
        #expect(all.last?.bytes == StoredValue.record(.postgres(willInit: false, record: [2])).encoded())
        // Nobody here can replay a record of PostgreSQL's.
        #expect(throws: ReadError.self) { try reader.page(tableMain, block: 0, at: third) }
    }

    @Test("native changes without a page are an error, and so are those of another page")
    func invalidChanges() throws {
        let shard = try TestShard()
        let end = XactCommon(xid: 5, info: 0, time: 0, headerXID: 5, lsn: .invalid)
        let lsn = try shard.record(.transaction(.commit(end)))
        let key = Key.slruBlock(.clog, segment: 0, block: 0)
        #expect(throws: ReadError.noBase(key, lsn: lsn, changes: 1)) {
            try shard.ingest.reader.slruPage(.clog, segment: 0, block: 0, at: lsn)
        }
        #expect(throws: ReadError.missing(.slruBlock(.clog, segment: 0, block: 1), lsn: lsn)) {
            try shard.ingest.reader.slruPage(.clog, segment: 0, block: 1, at: lsn)
        }
        var batch = StoreBatch()
        let wrong = StoredValue.record(.clogSetAborted(xids: [99999]))
        batch.append(.image(page(0)), key: try #require(CompactKey(key)), lsn: lsn - 8)
        batch.append(wrong, key: try #require(CompactKey(key)), lsn: lsn)
        try shard.store.commit(batch, state: #require(try shard.store.readState()))
        #expect(throws: ReadError.invalidChange(key, lsn: lsn)) {
            try shard.ingest.reader.slruPage(.clog, segment: 0, block: 0, at: lsn)
        }
    }

    @Test("stored bytes that are no values are an error")
    func unreadable() throws {
        let shard = try TestShard()
        let lsn = try shard.record(writes: [.image(tableMain, 0, page(1))])
        let state = try #require(try shard.store.readState())
        func spoil(_ key: Key, _ bytes: [UInt8]) throws {
            var batch = StoreBatch()
            batch.append(encoded: bytes, key: try #require(CompactKey(key)), lsn: lsn)
            try shard.store.commit(batch, state: state)
        }
        let reader = shard.ingest.reader
        try spoil(.relationBlock(tableMain, block: 0), [0, 0, 0, 9])
        #expect(throws: ReadError.self) { try reader.page(tableMain, block: 0, at: lsn) }
        // A copy that leads to itself would never end.
        let key = Key.relationBlock(tableMain, block: 0)
        try spoil(
            key,
            [0, 0, 0, 2] + key.bytes + (0..<8).map { UInt8(truncatingIfNeeded: lsn.rawValue >> (56 - $0 * 8)) }
        )
        #expect(throws: ReadError.unreadable(key, lsn: lsn)) { try reader.page(tableMain, block: 0, at: lsn) }
        try spoil(.relationSize(tableMain), StoredValue.image([1, 2, 3]).encoded())
        #expect(throws: ReadError.unreadable(.relationSize(tableMain), lsn: lsn)) {
            try reader.relationSize(tableMain, at: lsn)
        }
        try spoil(.databaseDirectory, StoredValue.image([0, 0, 0, 0, 0, 0, 0, 9]).encoded())
        #expect(throws: ReadError.unreadable(.databaseDirectory, lsn: lsn)) { try reader.databases(at: lsn) }
    }

    // MARK: - Waiting

    @Test("waiting for a position ends when it is there, when cancelled and when closed")
    func waiting() async throws {
        let shard = try TestShard()
        let watch = shard.ingest.watch
        try await watch.wait(for: LSN(0x1000))
        #expect(!watch.hasWaiters)

        let reached = Task { try await watch.wait(for: LSN(0x1100)) }
        let later = Task { try await watch.wait(for: LSN(0x9000)) }
        let cancelled = Task { try await watch.wait(for: LSN(0x1100)) }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        while !watch.hasWaiters { await Task.yield() }
        try shard.record()
        try await reached.value
        watch.close()
        await #expect(throws: PositionWatch.WaitError.closed) { try await later.value }
        await #expect(throws: PositionWatch.WaitError.closed) { try await watch.wait(for: LSN(0x9000)) }
        try await watch.wait(for: LSN(0x1100))
    }
}
