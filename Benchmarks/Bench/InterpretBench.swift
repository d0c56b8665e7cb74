import InterpretedWAL
import PostgresWAL
import ShardIdentity

/// Interpreting, routing and encoding, on top of decoding; compression apart.
struct InterpretBench {
    let sample: Sample
    private static let shardCounts = [1, 8, 32, 128]

    func run(rounds: Int, into results: inout BenchResults) throws {
        let sample = sample
        var measurement = Measurement()
        measurement.add("decode") {
            var blocks = 0
            try sample.decode { _, parsed in blocks &+= parsed.blockCount }
            keep(blocks)
        }
        for count in Self.shardCounts {
            let shards = try Self.shards(count)
            measurement.add("shards\(count)") {
                keep(try Self.interpret(sample, shards) { _ in })
            }
        }
        // Compression is measured as what it adds to interpreting.
        for count in [1, 32] {
            let shards = try Self.shards(count)
            measurement.add("zstd.shards\(count)") {
                var compressor = try ZstdCompressor(level: 1)
                var output = OutputBuffer()
                keep(
                    try Self.interpret(sample, shards) { message in
                        output.removeAll()
                        try compressor.compress(message, into: &output)
                    }
                )
            }
        }
        try measurement.run(rounds: rounds)
        report(measurement, into: &results)
    }

    static func shards(_ count: Int) throws -> [ShardIdentity] {
        try (0..<count).map {
            try ShardIdentity(number: UInt8($0), count: UInt8(count), stripeSize: ShardStripeSize.standard.pages)
        }
    }

    /// Interprets the sample for some shards; gives the sum of the messages' bytes.
    static func interpret(
        _ sample: Sample,
        _ shards: [ShardIdentity],
        message: (RawSpan) throws -> Void
    ) throws -> Int {
        var batcher = ChunkBatcher(version: sample.version, shards: shards, startingAt: sample.start)
        var bytes = 0
        try sample.decode { record, parsed in
            try batcher.add(record, parsed)
        } afterChunk: {
            try batcher.endChunk { _, content, _ in
                bytes += content.byteCount
                try message(content)
            }
        }
        return bytes
    }

    private func report(_ measurement: Measurement, into results: inout BenchResults) {
        let records = Double(sample.recordCount)
        let key = "interpret.\(sample.name)"
        results.heading("interpret + route + encode, \(sample.name): \(sample.recordCount) records, one core")
        let decode = measurement.seconds("decode")
        for count in Self.shardCounts {
            let over = measurement.seconds("shards\(count)") - decode
            results.add("\(key).shards\(count).ns_over_decode", over / records * 1e9, "ns", "a record, all shards")
            let allocations = Double(measurement.allocations["shards\(count)"] ?? 0)
            results.add("\(key).shards\(count).allocations", allocations, "", "allocations in the whole run")
        }
        let one = measurement.seconds("shards1") - decode
        let many = measurement.seconds("shards32") - decode
        results.add("\(key).shards32.ratio_to_shards1", many / one, "x", "time over decoding of 1 shard")
        for count in [1, 32] {
            let zstd = measurement.seconds("zstd.shards\(count)") - measurement.seconds("shards\(count)")
            results.add("\(key).shards\(count).zstd1.ns", zstd / records * 1e9, "ns", "zstd level 1, a record")
        }
    }
}
