import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures

/// What a receiver does with messages that it has decompressed: parse, or parse and ingest.
struct IngestBench {
    let sample: Sample

    func run(rounds: Int, into results: inout BenchResults) throws {
        let shard = TimelineShard(
            tenant: TenantID(bits: 1),
            timeline: TimelineID(bits: 2),
            identity: .unsharded,
            version: sample.version
        )
        var messages: [[UInt8]] = []
        _ = try InterpretBench.interpret(sample, [shard.identity]) { message in
            messages.append(message.array)
        }
        let sample = sample
        let all = messages
        var measurement = Measurement()
        measurement.add("parse") {
            var records = 0
            for message in all { records &+= try ParseBench.parse(message.span.bytes) }
            precondition(records == sample.recordCount, "parsed \(records) of \(sample.recordCount) records")
        }
        measurement.add("memory") {
            try Self.ingest(all, as: shard, into: InMemoryStore(), startingAt: sample.start)
        }
        measurement.add("rocksdb") {
            let folder = try TemporaryFolder()
            let store = try RocksDBStore(path: folder.path(of: "store"))
            try Self.ingest(all, as: shard, into: store, startingAt: sample.start)
        }
        try measurement.run(rounds: rounds)

        let records = Double(sample.recordCount)
        let parse = measurement.seconds("parse")
        results.heading("ingest, \(sample.name): \(sample.recordCount) records, one shard, commits of 100 records")
        for store in ["memory", "rocksdb"] {
            let over = (measurement.seconds(store) - parse) / records * 1e9
            results.add("ingest.\(sample.name).\(store).ns_over_parse", over, "ns", "a record, flush included")
        }
        let allocations = Double(measurement.allocations["memory"] ?? 0)
        results.add("ingest.\(sample.name).memory.allocations", allocations, "", "allocations in the whole run")
    }

    private static func ingest(
        _ messages: [[UInt8]],
        as shard: TimelineShard,
        into store: any VersionedStore,
        startingAt start: LSN
    ) throws {
        let ingest = try ShardIngest(creating: shard, in: store, at: start.recordAligned)
        for message in messages { try ingest.ingest(message: message.span.bytes) }
        try ingest.flush()
        keep(ingest.positions)
    }
}
