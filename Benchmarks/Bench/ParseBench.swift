import InterpretedWAL
import PostgresWAL
import ShardIdentity

/// What a receiver does with messages before it ingests them: decompress and parse.
struct ParseBench {
    let sample: Sample

    func run(rounds: Int, into results: inout BenchResults) throws {
        var messages: [[UInt8]] = []
        var compressor = try ZstdCompressor(level: 1)
        _ = try InterpretBench.interpret(sample, InterpretBench.shards(1)) { message in
            var output = OutputBuffer()
            try compressor.compress(message, into: &output)
            messages.append(output.array)
        }
        let sample = sample
        let compressed = messages
        var measurement = Measurement()
        measurement.add("decompress") {
            var bytes = 0
            try Self.decompress(compressed) { bytes &+= $0.byteCount }
            keep(bytes)
        }
        // Parsing is measured as what it adds: a message is parsed where it was just decompressed to, as by a receiver.
        measurement.add("receive") {
            var records = 0
            try Self.decompress(compressed) { records &+= try Self.parse($0) }
            precondition(records == sample.recordCount, "parsed \(records) of \(sample.recordCount) records")
        }
        try measurement.run(rounds: rounds)
        report(measurement, messageCount: compressed.count, into: &results)
    }

    private func report(_ measurement: Measurement, messageCount: Int, into results: inout BenchResults) {
        let records = Double(sample.recordCount)
        let receive = measurement.seconds("receive")
        let decompress = measurement.seconds("decompress")
        results.heading("receive, \(sample.name): \(messageCount) messages for one shard")
        results.add("decompress.\(sample.name).ns", decompress / records * 1e9, "ns", "zstd level 1, a record")
        results.add("parse.\(sample.name).ns", (receive - decompress) / records * 1e9, "ns", "a record, all values")
        results.add("receive.\(sample.name).ns", receive / records * 1e9, "ns", "both together")
        let allocations = Double(measurement.allocations["receive"] ?? 0)
        results.add("receive.\(sample.name).allocations", allocations, "", "allocations in the whole run")
    }

    private static func decompress(_ messages: [[UInt8]], _ body: (RawSpan) throws -> Void) throws {
        var decompressor = try ZstdDecompressor()
        var plain = OutputBuffer()
        for message in messages {
            plain.removeAll()
            try decompressor.decompress(message.span.bytes, into: &plain)
            try body(plain.bytes)
        }
    }

    /// Walks over all records and values of a message; gives the number of records.
    static func parse(_ message: RawSpan) throws -> Int {
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
