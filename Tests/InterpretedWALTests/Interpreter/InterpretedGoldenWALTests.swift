import InterpretationModel
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing
import WALFiles

/// WAL of real servers: shares of shards, and batches against libprotobuf-c.
@Suite("Interpreting WAL of real servers")
struct InterpretedGoldenWALTests {
    static let names = GoldenWAL.stock + GoldenWAL.neon

    private func walk(_ golden: GoldenWAL) throws -> WALWalk {
        WALWalk(directory: try WALDirectory(path: golden.path), start: golden.start, end: golden.end)
    }

    @Test("Each shard of two layouts gets its share", arguments: names)
    func shares(name: String) throws {
        let golden = try GoldenWAL.load(name)
        var interpretation = SharedInterpretation(
            version: golden.version,
            layouts: [
                try ShardIdentity.all(count: 3, stripeSize: 1), try ShardIdentity.all(count: 8, stripeSize: 2048),
            ]
        )
        _ = try walk(golden).run { record, parsed in _ = try interpretation.interpret(record, parsed) }
        #expect(interpretation.recordCount > 50_000)
        for (shard, count) in zip(interpretation.shards, interpretation.shardRecordCounts) {
            let isComplete = count == interpretation.recordCount
            #expect(isComplete == (shard.number == .zero), "\(shard)")
            #expect(count > 0, "\(shard)")
        }
    }

    @Test("All that a shard is sent is its own, or shard 0's to count", arguments: names)
    func locality(name: String) throws {
        let golden = try GoldenWAL.load(name)
        let shards = try ShardIdentity.all(count: 4, stripeSize: 8)
        var interpreter = BatchInterpreter(version: golden.version, shards: shards)
        var strays: [String] = []
        _ = try walk(golden).run { record, parsed in
            try interpreter.interpret(record, parsed)
            for (index, shard) in shards.enumerated() {
                guard let result = try interpreter.lastResult(of: index) else { continue }
                if !result.record.isLocal(to: shard) { strays.append("\(shard) at \(record.start)") }
                interpreter.removeBatch(of: index)
            }
        }
        #expect(strays.isEmpty)
    }

    @Test("libprotobuf-c reads our batches and writes the same bytes", arguments: GoldenWAL.stock + ["pg16-neon"])
    func referenceCodec(name: String) throws {
        let golden = try GoldenWAL.load(name)
        let shards = try ShardIdentity.all(count: 4, stripeSize: 8)
        var interpreter = BatchInterpreter(version: golden.version, shards: shards)
        var next = golden.start
        var mismatches = 0
        var batches = 0
        _ = try walk(golden).run { record, parsed in
            try interpreter.interpret(record, parsed)
            next = record.next
        } afterChunk: { _ in
            for index in shards.indices {
                interpreter.finishBatch(of: index, nextRecordLSN: next, rawWALStartLSN: golden.start)
                let bytes = interpreter.copyOfBatch(of: index)
                let decoded = try ReferenceCodec.decode(bytes)
                let agrees =
                    try decoded.map(ReferenceCodec.encode) == bytes
                    && decoded == InterpretedBatch(protobuf: bytes.span.bytes)
                if !agrees { mismatches += 1 }
                batches += 1
                interpreter.removeBatch(of: index)
            }
        }
        #expect(mismatches == 0)
        #expect(batches > 400)
    }
}

extension InterpretedRecord {
    /// Whether all values are the shard's own, or observed by shard 0, and metadata for few shards is at the right one.
    fileprivate func isLocal(to shard: ShardIdentity) -> Bool {
        for value in batch.metadata {
            switch value {
            case .serialized(let key, _, _, _, _):
                if !shard.isLocal(Key(key)) { return false }
            case .observed(let key, _):
                if shard.number != .zero || shard.isLocal(Key(key)) { return false }
            }
        }
        if let maps = metadata?.visibilityMapKeys {
            return (maps.old.map(shard.isLocal) ?? true) && (maps.new.map(shard.isLocal) ?? true)
                && (maps.old != nil || maps.new != nil)
        }
        if case .logicalMessage = metadata { return shard.number == .zero }
        return true
    }
}
