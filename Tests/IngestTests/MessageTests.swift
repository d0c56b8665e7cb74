import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import Testing

/// Messages: positions, batches, repetitions, and what is refused.
struct MessageTests {
    @Test("an empty message moves the position, on every shard", arguments: [(0, 0), (0, 2), (1, 2)])
    func empty(_ number: UInt8, _ count: UInt8) throws {
        let shard = try TestShard(testShard(number, of: count))
        try shard.ingest(message: testMessage([], nextRecordLSN: LSN(0x5000)))
        #expect(shard.ingest.positions.lastRecordLSN == LSN(0x5000))
        #expect(shard.ingest.positions.previousRecordLSN == LSN(0x1000))
        // One that ends earlier does nothing.
        try shard.ingest(message: testMessage([], nextRecordLSN: LSN(0x4000)))
        #expect(shard.ingest.positions.lastRecordLSN == LSN(0x5000))
    }

    @Test("the position before the last is that of the record before")
    func previous() throws {
        let shard = try TestShard()
        try shard.ingest([0x2000, 0x2100, 0x2200].map { testRecord(at: LSN($0)) })
        #expect(shard.ingest.positions.previousRecordLSN == LSN(0x2100))
        try shard.ingest([testRecord(at: LSN(0x2300))])
        #expect(shard.ingest.positions.previousRecordLSN == LSN(0x2200))
        #expect(shard.ingest.positions.lastRecordLSN == LSN(0x2300))
    }

    @Test("commits come after so many records, and so many bytes")
    func batches() throws {
        let shard = try TestShard()
        let records = (0..<250).map { testRecord(writes: [.delta(tableMain, 0, [1])], at: LSN(0x2000 + $0 * 8)) }
        let before = shard.ingest.statistics.commits
        try shard.ingest(records)
        #expect(shard.ingest.statistics.commits == before + 3)
        #expect(shard.ingest.statistics.records == 250)
        #expect(shard.ingest.statistics.deltas == 250)

        let large = (0..<3).map {
            testRecord(writes: [.delta(tableMain, 0, [UInt8](repeating: 7, count: 9 << 20))], at: LSN(0x9000 + $0 * 8))
        }
        try shard.ingest(large)
        #expect(shard.ingest.statistics.commits == before + 6)
    }

    @Test("a message that is repeated changes nothing")
    func repeated() throws {
        let shard = try TestShard()
        let records = [
            testRecord(.storageManager(.create(tableMain)), at: LSN(0x2000)),
            testRecord(writes: [.image(tableMain, 4, page(1))], xid: 5, at: LSN(0x2100)),
            testRecord(.transaction(.prepare(xid: 7, data: [1])), at: LSN(0x2200)),
        ]
        try shard.ingest(records)
        let store = try #require(shard.store as? InMemoryStore)
        let count = store.versionCount
        let positions = shard.ingest.positions
        try shard.ingest(records)
        #expect(shard.ingest.statistics.skippedRecords == 3)
        #expect(store.versionCount == count)
        #expect(shard.ingest.positions == positions)
        // What overlaps is passed over up to the last record, which itself was ingested.
        try shard.ingest([records[2], testRecord(writes: [.image(tableMain, 5, page(1))], at: LSN(0x2300))])
        #expect(shard.ingest.statistics.skippedRecords == 4)
        #expect(try shard.ingest.reader.relationSize(tableMain, at: LSN(0x2300)) == 6)
    }

    // MARK: - Refused

    private func fault(
        _ shard: TestShard,
        _ records: [InterpretedRecord],
        _ location: SourceLocation = #_sourceLocation
    ) -> IngestFault? {
        let before = shard.ingest.positions
        let error = #expect(throws: IngestError.self, sourceLocation: location) { try shard.ingest(records) }
        #expect(shard.ingest.positions == before, sourceLocation: location)
        return error?.reason
    }

    @Test("LSNs have to be aligned, to rise, and to be the same in a record")
    func order() throws {
        let shard = try TestShard()
        #expect(fault(shard, [testRecord(at: LSN(0x2004))]) == .misaligned)
        let falling = [0x2100, 0x2000, 0x2200].map { testRecord(at: LSN($0)) }
        #expect(fault(shard, falling) == .notIncreasing(previous: LSN(0x2100)))
        #expect(
            fault(shard, [testRecord(at: LSN(0x2000)), testRecord(at: LSN(0x2000))])
                == .notIncreasing(previous: LSN(0x2000))
        )
        let beyond = testMessage([testRecord(at: LSN(0x2100))], nextRecordLSN: LSN(0x2000))
        let error = #expect(throws: IngestError.self) { try shard.ingest(message: beyond) }
        #expect(error?.reason == .beyondMessage(nextRecordLSN: LSN(0x2000)))
        var record = testRecord(writes: [.delta(tableMain, 0, [1])], at: LSN(0x2000))
        record.nextRecordLSN = LSN(0x2100)
        let key = Key.relationBlock(tableMain, block: 0)
        #expect(fault(shard, [record]) == .valueLSN(key: key, found: LSN(0x2000)))
    }

    @Test("keys have to be blocks of this shard")
    func keys() throws {
        let identity = try testShard(1, of: 2, stripe: 1)
        let shard = try TestShard(identity)
        let foreign = try #require(
            (UInt32(0)..<99).first { !identity.identity.isLocal(.relationBlock(tableMain, block: $0)) }
        )
        let own = try #require(
            (UInt32(0)..<99).first { identity.identity.isLocal(.relationBlock(tableMain, block: $0)) }
        )
        #expect(
            fault(shard, [testRecord(writes: [.delta(tableMain, foreign, [1])], at: LSN(0x2000))])
                == .foreignKey(.relationBlock(tableMain, block: foreign))
        )
        // The block behind an own one is looked at too, whatever is remembered of the stripe.
        try shard.record(writes: [.delta(tableMain, own, [1])])
        let next = testRecord(writes: [.delta(tableMain, own, [1]), .delta(tableMain, foreign, [1])], at: LSN(0x3000))
        #expect(fault(shard, [next]) == .foreignKey(.relationBlock(tableMain, block: foreign)))
        #expect(
            fault(shard, [testRecord(writes: [.observed(tableMain, foreign)], at: LSN(0x3000))])
                == .unexpectedObservation(.relationBlock(tableMain, block: foreign))
        )
        let initial = RelationTag(locator: table, fork: ForkNumber.initialization)
        #expect(
            fault(shard, [testRecord(writes: [.delta(initial, 0, [1])], at: LSN(0x3000))])
                == .foreignKey(.relationBlock(initial, block: 0))
        )
        for key in [
            Key.slruBlock(.clog, segment: 0, block: 0), .checkpoint, .relationSize(tableMain), .databaseDirectory,
        ] {
            var record = testRecord(at: LSN(0x3000))
            record.batch.append(.image([1]), key: try #require(CompactKey(key)), lsn: LSN(0x3000))
            #expect(fault(shard, [record]) == .unsupportedKey(key))
        }
    }

    @Test("shard zero is told of blocks it does not own, and of no others")
    func observed() throws {
        let identity = try testShard(0, of: 2, stripe: 1)
        let shard = try TestShard(identity)
        let foreign = try #require(
            (UInt32(0)..<99).first { !identity.identity.isLocal(.relationBlock(tableMain, block: $0)) }
        )
        let own = try #require(
            (UInt32(0)..<99).first { identity.identity.isLocal(.relationBlock(tableMain, block: $0)) }
        )
        let lsn = try shard.record(writes: [.observed(tableMain, foreign)])
        #expect(try shard.ingest.reader.relationSize(tableMain, at: lsn) == foreign + 1)
        #expect(try shard.store.newest(.relationBlock(tableMain, block: foreign), atOrBelow: lsn) == nil)
        #expect(
            fault(shard, [testRecord(writes: [.observed(tableMain, own)], at: lsn + 8)])
                == .unexpectedObservation(.relationBlock(tableMain, block: own))
        )
    }

    @Test("a message that is none is refused, and a new one taken")
    func garbage() throws {
        let shard = try TestShard()
        for bytes in [[], [0xFF], [0x0A, 0x05, 0x01]] as [[UInt8]] {
            #expect(throws: IngestError.self) { try shard.ingest(message: bytes) }
        }
        var record = testRecord(.standby(.runningTransactions(oldestRunningXID: 7)), at: LSN(0x2000))
        var message = testMessage([record])
        // The index of the metadata's kind: one that is not known.
        let index = try #require(message.firstIndex(of: 0x0A).map { $0 + 7 })
        message[index] = 0x7F
        let error = #expect(throws: IngestError.self) { try shard.ingest(message: message) }
        if case .wire = error?.reason {} else { Issue.record("\(String(describing: error))") }
        record.metadata = nil
        try shard.ingest([record])
        #expect(shard.ingest.positions.lastRecordLSN == LSN(0x2000))
    }

    @Test("what fails in the middle of a message leaves whole commits")
    func failureInTheMiddle() throws {
        let shard = try TestShard()
        var records = (0..<150).map {
            testRecord(writes: [.delta(tableMain, UInt32($0), [1])], at: LSN(0x2000 + $0 * 8))
        }
        records[130].metadata = .storageManager(.create(tableMain))
        let error = #expect(throws: IngestError.self) { try shard.ingest(records) }
        #expect(error?.lsn == records[130].nextRecordLSN)
        let last = records[99].nextRecordLSN
        #expect(shard.ingest.positions.lastRecordLSN == last)
        #expect(try shard.ingest.reader.relationSize(tableMain, at: last) == 100)
        #expect(try shard.store.newest(.relationBlock(tableMain, block: 100), atOrBelow: LSN(.max)) == nil)
        // The same message without the fault goes on where the last commit was.
        records[130].metadata = nil
        try shard.ingest(records)
        #expect(shard.ingest.statistics.skippedRecords == 100)
        #expect(shard.ingest.positions.logicalSize == 150 * 8192)
    }
}
