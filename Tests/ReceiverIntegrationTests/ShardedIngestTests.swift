import Ingest
import InterpretationModel
import InterpretedWAL
import PageserverHarness
import PostgresWAL
import ReplicationProtocol
import ShardIdentity
import Testing
import WALFiles

/// The test of sharding as users know it: a table of two integers is filled at once, and all shards ingest it.
@Suite("sharded ingest", .serialized, .timeLimit(.minutes(3)))
struct ShardedIngestTests {
    private static let stripeSize: UInt32 = 16
    private static let shardCounts = [1, 8, 32]

    /// What the plain rule says of the WAL.
    private struct Expectation {
        /// Records for each shard, by the number of shards.
        var records: [Int: [UInt64]] = [:]
        /// Values of pages: of blocks, and of the commit log for each transaction.
        var pageValues: UInt64 = 0
    }

    private func layout(_ count: Int, _ selection: WALReceiverProtocol) -> ShardedIngest.Layout {
        ShardedIngest.Layout(shardCount: count, stripeSize: Self.stripeSize, selection: selection)
    }

    private func expectation(_ source: IngestSource, _ range: Range<LSN>) throws -> Expectation {
        let directory = try WALDirectory(path: source.walDirectory)
        let layouts = try Self.shardCounts.dropFirst().map { try layout($0, .vanilla).identities }
        var shared = SharedInterpretation(version: directory.version, layouts: layouts)
        var expectation = Expectation()
        _ = try WALWalk(directory: directory, start: range.lowerBound, end: range.upperBound).run { record, parsed in
            let whole = try shared.interpret(record, parsed)
            for case .serialized in whole.batch.metadata { expectation.pageValues += 1 }
            if case .transaction = whole.metadata { expectation.pageValues += 1 }
        }
        expectation.records[1] = [UInt64(shared.recordCount)]
        var first = 1
        for shards in layouts {
            expectation.records[shards.count] = shared.shardRecordCounts[first..<first + shards.count].map {
                UInt64($0)
            }
            first += shards.count
        }
        return expectation
    }

    /// What one of the shards of a pageserver that has stopped holds.
    private func part(_ ingest: ShardedIngest, _ identity: ShardIdentity) throws -> UnionComparison.Part {
        let store = try RocksDBStore(path: ingest.storeFolder(of: identity))
        let shard = TimelineShard(tenant: tenant, timeline: timeline, identity: identity, version: .v15)
        return (try ShardIngest(opening: store, as: shard).reader, try StoreContent(store))
    }

    @Test("1, 8 and 32 shards, raw and interpreted, with and without zstd")
    func everything() throws {
        let source = try IngestSource.pairs(rows: 100_000)
        let plain = WALReceiverProtocol.interpreted(WireFormat(format: .protobuf))
        var expected: Expectation?
        // Its files stay as long as it is there.
        var whole: (ingest: ShardedIngest, part: UnionComparison.Part)?
        for count in Self.shardCounts {
            var bytes: [WALReceiverProtocol: UInt64] = [:]
            for selection in [vanilla, plain, interpreted] {
                let layout = layout(count, selection)
                let ingest = try ShardedIngest(source, layout)
                let outcome = try ingest.run()
                let name = "\(count) shards, \(selection.json)"
                let expectation = try expected ?? expectation(source, outcome.start..<outcome.end)
                expected = expectation

                // All shards are at the end of the WAL, and each has been given just the records that concern it; shard
                // zero has seen every one.
                #expect(outcome.end == source.end.recordAligned, "\(name)")
                #expect(outcome.shards.map(\.records) == expectation.records[count], "\(name)")
                #expect(outcome.shards.first?.records == expectation.records[1]?.first, "\(name)")
                // A record may go to several shards, a value goes to one.
                #expect(outcome.records >= expectation.records[1]?.first ?? .max, "\(name)")
                #expect(outcome.pageValues == expectation.pageValues, "\(name)")
                if selection == vanilla {
                    #expect(outcome.shards.allSatisfy { $0.bytes == outcome.walBytes } as Bool, "\(name): \(outcome)")
                }
                bytes[selection] = outcome.bytes

                #expect(ingest.stop() == 0, "\(name)")
                let parts = try layout.identities.map { try part(ingest, $0) }
                if whole == nil { whole = (ingest, parts[0]) }
                var union = UnionComparison(try #require(whole).part, at: outcome.end)
                try union.compare(parts)
                #expect(union.differences.prefix(10) == [], "\(name)")
                #expect(union.blocks > 400, "\(name)")
            }
            let (raw, cooked) = (try #require(bytes[vanilla]), try #require(bytes[plain]))
            let compressed = try #require(bytes[interpreted])
            #expect(compressed < cooked, "\(count) shards")
            // Uncompressed, what says more about each record is twice the WAL: for one shard that is no gain.
            #expect(count == 1 || cooked < raw, "\(count) shards: \(raw) to \(cooked) bytes")
            // All shards together are sent half of what one is sent of raw WAL, at most.
            #expect(compressed * UInt64(count) * 2 < raw, "\(count) shards: \(raw) to \(compressed) bytes")
        }
    }
}
