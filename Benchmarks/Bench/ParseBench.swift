import InterpretedWAL
import PostgresWAL
import ShardIdentity

/// What a receiver does with messages before it ingests them: decompress and parse.
struct ParseBench {
    let sample: Sample

    /// Messages of the sample for one shard, plain and compressed.
    private final class Messages {
        var plain: [[UInt8]] = []
        var compressed: [[UInt8]] = []
    }

    func run(rounds: Int, into results: inout BenchResults) throws {
        let messages = Messages()
        var compressor = try ZstdCompressor(level: 1)
        _ = try InterpretBench.interpret(sample, InterpretBench.shards(1)) { message in
            var output = OutputBuffer()
            try compressor.compress(message, into: &output)
            messages.plain.append(message.withUnsafeBytes { [UInt8]($0) })
            messages.compressed.append(output.array)
        }
        var measurement = Measurement()
        measurement.add("parse") {
            var records = 0
            for message in messages.plain { records &+= try Self.parse(message.span.bytes) }
            precondition(records == sample.recordCount, "parsed \(records) of \(sample.recordCount) records")
        }
        measurement.add("decompress") {
            var decompressor = try ZstdDecompressor()
            var plain = OutputBuffer()
            var bytes = 0
            for message in messages.compressed {
                plain.removeAll()
                try decompressor.decompress(message.span.bytes, into: &plain)
                bytes &+= plain.count
            }
            keep(bytes)
        }
        try measurement.run(rounds: rounds)
        let records = Double(sample.recordCount)
        results.heading("receive, \(sample.name): \(messages.plain.count) messages for one shard")
        results.add(
            "parse.\(sample.name).ns",
            measurement.seconds("parse") / records * 1e9,
            "ns",
            "a record, all values"
        )
        results.add(
            "parse.\(sample.name).allocations",
            Double(measurement.allocations["parse"] ?? 0),
            "",
            "allocations in the whole run"
        )
        results.add(
            "decompress.\(sample.name).ns",
            measurement.seconds("decompress") / records * 1e9,
            "ns",
            "zstd level 1, a record"
        )
    }

    /// Walks over all records and values of a message; gives the number of records.
    private static func parse(_ message: RawSpan) throws -> Int {
        var parser = try InterpretedBatchParser(message)
        var records = 0
        var sum: UInt64 = 0
        while let record = try parser.nextRecord() {
            records &+= 1
            sum &+= record.nextRecordLSN.rawValue
            var values = record.values
            while let value = try values.next() {
                if case .serialized(let key, _, _, let length, _) = value { sum &+= key.low &+ UInt64(length) }
            }
        }
        keep(sum)
        return records
    }
}
