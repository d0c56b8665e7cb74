import InterpretationModel
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing

/// Source: `wal-interpretation.md` §2 and §8.
@Suite("Routing to shards")
struct RoutingTests {
    /// What the shards of any layouts get, decoded and by shard.
    private func shares(
        of record: CraftedRecord,
        _ shards: [ShardIdentity],
        version: PostgresMajorVersion = .v16
    ) throws -> [ShardIdentity: InterpretedRecord] {
        let results = try Interpretation.results(of: record.contents, version: version, shards: shards)
        return Dictionary(
            uniqueKeysWithValues: zip(shards, results).compactMap { shard, result in
                result.map { (shard, $0.record) }
            }
        )
    }

    /// A record's message as libprotobuf-c writes it.
    private func referenceEncoding(_ record: InterpretedRecord) -> [UInt8] {
        let batch = ReferenceCodec.encode(InterpretedBatch(records: [record], nextRecordLSN: .invalid))
        // In front of it the tag and the length, behind it the message's own LSN, two bytes.
        return Array(batch.dropFirst().drop { $0 >= 0x80 }.dropFirst().dropLast(2))
    }

    private func blocks(_ blocks: CraftedBlock...) -> CraftedRecord {
        CraftedRecord(resourceManager: .btree, info: 0x00, blocks: blocks)
    }

    @Test("Random records, layouts and subsets of shards, against the plain rules")
    func random() throws {
        let seed = UInt64.random(in: 0...(.max))
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let shards = try generator.shards()
            let version = PostgresMajorVersion.allCases.randomElement(using: &generator) ?? .v16
            var interpreter = BatchInterpreter(version: version, shards: [.unsharded] + shards)
            // Records follow one another, since the interpreter remembers where the last stripe lies.
            for _ in 0..<30 {
                let record = generator.record(version: version)
                try Interpretation.withRecord(record.contents, version: version) { record, parsed in
                    try interpreter.interpret(record, parsed)
                }
                let whole = try #require(try interpreter.lastResult(of: 0)).record
                for (index, shard) in shards.enumerated() {
                    let found = try interpreter.lastResult(of: index + 1)
                    let expected = ShardShare.share(of: whole, for: shard)
                    guard found?.record == expected, found?.bytes == expected.map(referenceEncoding) else {
                        Issue.record("seed \(seed): \(shard) gets another share of \(record)")
                        return
                    }
                }
            }
        }
    }

    @Test("Layouts before and after a split: each block to its owner in both, messages to both shards 0")
    func split() throws {
        let shards = try ShardIdentity.all(count: 2, stripeSize: 8) + ShardIdentity.all(count: 4, stripeSize: 8)
        for block in stride(from: UInt32(0), to: 200, by: 7) {
            let shares = try shares(of: blocks(CraftedBlock(block: block)), shards)
            for count in [ShardCount(2), ShardCount(4)] {
                let owners = shares.filter { $0.key.count == count && $0.value.batch.count == 1 }.map(\.key)
                #expect(owners == shards.filter { $0.count == count && $0.isLocal(.block(block)) })
            }
        }
        let content = LogicalMessage.mainData(prefix: Array("neon-file:x".utf8), content: [1])
        let message = CraftedRecord(resourceManager: .logicalMessage, info: 0x00, mainData: content)
        let shares = try shares(of: message, shards)
        #expect(Set(shares.keys) == Set(shards.filter { $0.number == .zero }))
        #expect(shares.values.allSatisfy { $0.metadata == .logicalMessage(.put(path: "x", content: [1])) })
    }

    @Test("Two stripe sizes at once")
    func stripeSizes() throws {
        let shards = try ShardIdentity.all(count: 4, stripeSize: 1) + ShardIdentity.all(count: 4, stripeSize: 2048)
        for block: UInt32 in [0, 1, 2, 3, 2047, 2048, 4096] {
            let owners = try shares(of: blocks(CraftedBlock(block: block)), shards)
                .filter { $0.value.batch.count == 1 }.map(\.key)
            #expect(Set(owners) == Set(shards.filter { $0.isLocal(.block(block)) }))
            #expect(owners.count == 2)
        }
    }

    @Test("Without shard 0 only owners get something")
    func subset() throws {
        let all = try ShardIdentity.all(count: 8, stripeSize: 1)
        for shard in all.dropFirst() {
            for block in 0..<UInt32(40) {
                let shares = try shares(of: blocks(CraftedBlock(block: block)), [shard])
                #expect((shares[shard] != nil) == shard.isLocal(.block(block)))
            }
            let everyShard = CraftedRecord(resourceManager: .xlog, info: 0xA0)
            #expect(try shares(of: everyShard, [shard])[shard]?.metadata != nil)
        }
    }

    @Test("A change of two pages of the visibility map goes to their owners in parts")
    func visibilityMapPages() throws {
        // Of 1663/5/16384 with stripe 1 shard 0 owns page 1 of the map's main stripe hash, shard 3 page 0 and so on:
        // whoever it is, the parts put together are the whole.
        let shards = try ShardIdentity.all(count: 4, stripeSize: 1)
        for (resourceManager, version) in [(ResourceManager.heap, PostgresMajorVersion.v15), (.neon, .v17)] {
            var wereSplit = 0
            for pages in 0..<UInt32(12) {
                let (new, old) = (pages / 4 * 32672 + 32671, pages % 4 * 32672)
                let record = CraftedRecord(
                    resourceManager: resourceManager,
                    info: 0x20,
                    blocks: [CraftedBlock(block: new), CraftedBlock(block: old)],
                    mainData: HeapMainData.update(.neon, flags: 0x03)
                )
                let parts = try shares(of: record, shards, version: version).compactMapValues(\.visibilityBits)
                for (shard, bits) in parts {
                    let tag = bits.visibilityMap
                    if let block = bits.newHeapBlock {
                        #expect(shard.isLocal(.relationBlock(tag, block: block / 32672)))
                    }
                    if let block = bits.oldHeapBlock {
                        #expect(shard.isLocal(.relationBlock(tag, block: block / 32672)))
                    }
                    #expect(bits.newHeapBlock != nil || bits.oldHeapBlock != nil)
                }
                #expect(parts.values.compactMap(\.newHeapBlock) == [new])
                #expect(parts.values.compactMap(\.oldHeapBlock) == [old])
                wereSplit += parts.count - 1
            }
            #expect(wereSplit > 0)
        }
    }

    @Test("Init forks, relation 0 and the block number that stands for a size belong to shard 0")
    func shardZeroOnly() throws {
        let shards = try ShardIdentity.all(count: 8, stripeSize: 2048)
        let owner = { (block: CraftedBlock) throws -> [UInt8] in
            // The neighbour in the same stripe comes first, so that its owner is remembered.
            var neighbour = block
            neighbour.fork = 0
            neighbour.block = block.block ^ 1
            let shares = try self.shares(of: self.blocks(neighbour, block), shards)
            let key = try #require(
                CompactKey(.block(block.block, relation: block.relation, fork: block.fork))
            )
            return shares.filter { $0.value.batch.metadata.contains { $0.isSerialized && $0.key == key } }
                .map(\.key.number.rawValue)
        }
        for relation in 16384..<UInt32(16400) {
            for block: UInt32 in [0, 1, 5000] {
                #expect(try owner(CraftedBlock(relation: relation, fork: 3, block: block)) == [0])
            }
            #expect(try owner(CraftedBlock(relation: relation, block: .max)) == [0], "relation \(relation)")
        }
        #expect(try owner(CraftedBlock(relation: 0, block: 5000)) == [0])
    }

    @Test("Stripes end where they end", arguments: [1, 2, 8, 2048, 32768, 1 << 31, .max] as [UInt32])
    func stripeBounds(stripeSize: UInt32) throws {
        let shards = try ShardIdentity.all(count: 16, stripeSize: stripeSize)
        var interpreter = BatchInterpreter(version: .v16, shards: shards)
        let ends = (0..<UInt64(6)).map { $0 * UInt64(stripeSize) }
        let numbers = ends.flatMap { [$0, $0 + 1, $0 &- 1] } + [UInt64(UInt32.max) - 1]
        for number in numbers.compactMap(UInt32.init(exactly:)) where number != .max {
            let record = blocks(CraftedBlock(block: number))
            try Interpretation.withRecord(record.contents, version: .v16) { record, parsed in
                try interpreter.interpret(record, parsed)
            }
            let owners = try shards.indices.filter { try interpreter.lastResult(of: $0)?.record.batch.count == 1 }
            #expect(owners == shards.indices.filter { shards[$0].isLocal(.block(number)) }, "block \(number)")
        }
    }

    @Test("Ten messages that mean nothing: shard 0 gets ten empty records, the others none")
    func emptyRecords() throws {
        let shards = try ShardIdentity.all(count: 4, stripeSize: 8)
        var interpreter = BatchInterpreter(version: .v17, shards: shards)
        var generator = try WALGenerator(
            LogicalMessageSource(prefix: "prefix"),
            version: .v17,
            startingAt: LSN(0x200_0028)
        )
        let elements = (0..<10).compactMap { _ in generator.next() }
        var decoder = try WALStreamDecoder(version: .v17, startingAt: LSN(0x200_0028))
        var parsed = ParsedRecord(version: .v17)
        let bytes = elements.flatMap(\.bytes)
        var input = bytes.span.bytes
        while let record = try decoder.next(&input) {
            try parsed.parse(record)
            try interpreter.interpret(record, parsed)
        }
        interpreter.finishBatch(of: 0, nextRecordLSN: generator.position, rawWALStartLSN: nil)
        let batch = try InterpretedBatch(protobuf: interpreter.batch(of: 0))
        #expect(batch.records.map(\.nextRecordLSN) == elements.map(\.next))
        #expect(batch.records.allSatisfy { $0.isEmpty })
        #expect(shards.indices.map { interpreter.recordCount(of: $0) } == [10, 0, 0, 0])
    }
}

extension InterpretedRecord {
    /// What the record clears in visibility maps.
    fileprivate var visibilityBits: ClearVisibilityBits? {
        switch metadata {
        case .heap(.clearVisibilityBits(let bits)), .neon(.clearVisibilityBits(let bits)): bits
        default: nil
        }
    }
}

extension ValueMetadata {
    fileprivate var isSerialized: Bool {
        if case .serialized = self { true } else { false }
    }
}

// MARK: - Random input

extension SeededGenerator {
    /// Some shards of one to three layouts, in any order.
    fileprivate mutating func shards() throws -> [ShardIdentity] {
        var shards: Set<ShardIdentity> = []
        for _ in 0..<Int.random(in: 1...3, using: &self) {
            let count = [1, 2, 3, 4, 8, 32, 255].randomElement(using: &self) ?? 1
            let stripeSize: UInt32 = [1, 2, 8, 2048, 32768, 1 << 31].randomElement(using: &self) ?? 1
            let layout = try ShardIdentity.all(count: count, stripeSize: stripeSize)
            let part = chance(1, in: 2) ? 1 : 3
            shards.formUnion(layout.filter { _ in chance(1, in: part) })
        }
        if shards.isEmpty { return try ShardIdentity.all(count: 4, stripeSize: 8) }
        return shards.shuffled(using: &self)
    }

    /// A record of any kind, on up to six blocks.
    fileprivate mutating func record(version: PostgresMajorVersion) -> CraftedRecord {
        let kinds = WellFormedRecord.all.filter { $0.version == version }
        var record = kinds.randomElement(using: &self)?.record ?? CraftedRecord(resourceManager: .btree, info: 0)
        if chance(1, in: 3) {
            record = CraftedRecord(resourceManager: chance(1, in: 2) ? .xlog : .btree, info: 0xB0)
        }
        record.transactionID = chance(1, in: 4) ? 0 : UInt32(truncatingIfNeeded: magnitude())
        let fewest = record.blocks.isEmpty ? 0 : 1
        let relations = (0..<2).map { _ in UInt32.random(in: 16384...16400, using: &self) } + [0]
        record.blocks = (0..<Int.random(in: fewest...6, using: &self)).map { _ in block(relations, version) }
        return record
    }

    private mutating func block(_ relations: [UInt32], _ version: PostgresMajorVersion) -> CraftedBlock {
        let mask: UInt32 = [0x0F, 0x1FFF, .max].randomElement(using: &self) ?? .max
        let isHigh = chance(1, in: 8)
        let number = UInt32(truncatingIfNeeded: next()) & mask
        return CraftedBlock(
            relation: chance(1, in: 20) ? relations[2] : relations[Int.random(in: 0...1, using: &self)],
            fork: chance(1, in: 2) ? 0 : UInt8.random(in: 0...3, using: &self),
            block: isHigh ? ~(number & 0x03) : number,
            willInit: chance(1, in: 4),
            data: chance(1, in: 2) ? [1, 2, 3] : [],
            image: chance(1, in: 4) ? .page(version, isNew: chance(1, in: 2)) : nil
        )
    }
}
