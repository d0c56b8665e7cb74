import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing

/// Many shards together hold what one would.
struct ShardingTests {
    /// The versions of a key that come from the stream.
    ///
    /// A shard sees a gap only when it writes behind it, and copies of databases only as far as it knows relations.
    private func versions(_ dump: [Key: [String]], _ key: Key) -> [String] {
        let zeros = StoredValue.image(page(0)).encoded()
        let text = "\(zeros.count) bytes \(zeros.hashValue)"
        return (dump[key] ?? []).filter { !$0.hasSuffix(text) && !$0.contains(" 00000002") }
    }

    @Test("shards hold together what one shard holds", arguments: [UInt64(1), 2, 3, 4])
    func split(seed: UInt64) throws {
        let count = UInt8(2 + seed % 4)
        let whole = try TestShard(testShard())
        let parts = try (0..<count).map { try TestShard(testShard($0, of: count, stripe: UInt32(1 + seed % 3))) }
        let all = [whole] + parts
        var wal = RandomWAL(seed: seed, from: LSN(0x1000))
        var records = wal.preamble()
        for _ in 0..<40 {
            for _ in 0..<Int.random(in: 1...60, using: &wal.generator) { records.append(wal.next()) }
            for shard in all { try shard.ingest(message: records.message(for: shard.ingest.shard.identity)) }
            records = []
        }
        let end = whole.ingest.positions.lastRecordLSN
        for shard in all {
            #expect(shard.ingest.positions.lastRecordLSN == end, "seed \(seed)")
            #expect(
                shard.ingest.positions.logicalSize
                    == (shard === whole || shard === parts[0] ? whole.ingest.positions.logicalSize : 0)
            )
        }
        #expect(parts[0].ingest.positions.previousRecordLSN == whole.ingest.positions.previousRecordLSN)

        let expected = try dump(whole.store)
        let found = try parts.map { try dump($0.store) }
        var blocks = 0
        for key in Set(expected.keys).union(found.flatMap(\.keys)) {
            if key.isRelationBlock { blocks += 1 }
            for (index, part) in parts.enumerated() {
                let identity = part.ingest.shard.identity
                if identity.isDisposable(key) {
                    #expect(found[index][key] == nil, "seed \(seed): \(key) on shard \(index)")
                } else if identity.isLocal(key) {
                    let same = versions(found[index], key) == versions(expected, key)
                    #expect(same, "seed \(seed): \(key) on shard \(index)")
                } else if !key.isRelationSize && key != .checkpoint {
                    // Shards other than zero learn of transaction ids by the records that are for them.
                    #expect(found[index][key] == expected[key], "seed \(seed): \(key) on shard \(index)")
                }
            }
        }
        #expect(blocks > 200, "seed \(seed)")
        try compareReads(whole, parts, at: end, seed)
    }

    /// Pages read from their owners are those of the one shard, beyond all sizes too.
    private func compareReads(_ whole: TestShard, _ parts: [TestShard], at lsn: LSN, _ seed: UInt64) throws {
        let reader = whole.ingest.reader
        for (database, _) in try reader.databases(at: lsn) {
            for relation in try reader.relations(of: database, at: lsn) {
                let size = try #require(try reader.relationSize(relation, at: lsn))
                #expect(try parts[0].ingest.reader.relationSize(relation, at: lsn) == size, "seed \(seed)")
                for block in 0..<size {
                    let key = Key.relationBlock(relation, block: block)
                    let owner = try #require(parts.first { $0.ingest.shard.identity.isLocal(key) })
                    #expect(
                        read(owner, relation, block, lsn) == read(whole, relation, block, lsn),
                        "seed \(seed): \(key)"
                    )
                }
            }
        }
    }

    private func read(_ shard: TestShard, _ relation: RelationTag, _ block: UInt32, _ lsn: LSN) -> Result<
        [UInt8], ReadError
    > {
        do throws(ReadError) {
            return .success(try shard.ingest.reader.page(relation, block: block, at: lsn))
        } catch {
            // A page without a base: zeros filled its gap on one side only.
            if case .missing = error { return .success(page(0)) }
            return .failure(error)
        }
    }

    @Test("how messages are cut makes no difference", arguments: [UInt64(11), 12, 13])
    func cuts(seed: UInt64) throws {
        var wal = RandomWAL(seed: seed, from: LSN(0x1000))
        var records = wal.preamble()
        for _ in 0..<800 { records.append(wal.next()) }
        let one = try TestShard()
        try one.ingest(message: records.message(for: .unsharded))
        let many = try TestShard()
        var position = 0
        while position < records.count {
            let end = min(position + Int.random(in: 1...30, using: &wal.generator), records.count)
            // Messages may overlap with those before.
            let start = max(0, position - Int.random(in: 0...5, using: &wal.generator))
            try many.ingest(message: Array(records[start..<end]).message(for: .unsharded))
            position = end
        }
        #expect(try dump(one.store) == dump(many.store), "seed \(seed)")
        #expect(one.ingest.positions == many.ingest.positions, "seed \(seed)")
    }
}
