import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures

/// WAL, decoded once from its first record to its last, and what each shard is to get of each record.
///
/// This is what every way of streaming is held against.
final class InterpretedStream: Sendable {
    /// A record's place.
    struct Record: Sendable {
        var start: LSN
        var end: LSN
        var next: LSN
        /// Where the share of each shard ends in its bytes.
        var shareEnds: [Int]
    }

    let name: String
    let version: PostgresMajorVersion
    let segmentSize: WALSegmentSize
    let start: LSN
    let bytes: [UInt8]
    /// Layouts, one after the other.
    let shards: [ShardIdentity]
    let records: [Record]
    /// For each shard its shares of all records, as they stand in messages.
    let shares: [[UInt8]]

    /// The end of the WAL.
    var end: LSN { start + UInt64(bytes.count) }

    /// The layouts that are streamed: unsharded, and before and after a split.
    static func layouts() throws -> [[ShardIdentity]] {
        [
            [.unsharded],
            try [ShardIdentity(number: 0, count: 1, stripeSize: 8)],
            try (0..<2).map { try ShardIdentity(number: $0, count: 2, stripeSize: 8) },
            try (0..<8).map { try ShardIdentity(number: $0, count: 8, stripeSize: 8) },
        ]
    }

    init(
        name: String,
        version: PostgresMajorVersion,
        segmentSize: WALSegmentSize = .standard,
        start: LSN,
        bytes: [UInt8],
        shards: [ShardIdentity]
    ) throws {
        self.name = name
        self.version = version
        self.segmentSize = segmentSize
        self.start = start
        self.bytes = bytes
        self.shards = shards
        var records: [Record] = []
        var shares: [[UInt8]] = Array(repeating: [], count: shards.count)
        var decoder = try WALStreamDecoder(version: version, segmentSize: segmentSize, startingAt: start)
        var parsed = ParsedRecord(version: version)
        var interpreter = BatchInterpreter(version: version, shards: shards)
        var rest = bytes.span.bytes
        while let record = try decoder.next(&rest) {
            try parsed.parse(record)
            try interpreter.interpret(record, parsed)
            for index in shards.indices {
                if let share = interpreter.lastRecord(of: index) {
                    var buffer = OutputBuffer()
                    buffer.append(0x0A)
                    buffer.append(varint: UInt64(share.byteCount))
                    buffer.append(share)
                    shares[index] += buffer.array
                }
                interpreter.removeBatch(of: index)
            }
            let shareEnds = shares.map(\.count)
            records.append(
                Record(start: record.start, end: record.end, next: record.next, shareEnds: shareEnds)
            )
        }
        self.records = records
        self.shares = shares
    }

    /// The index of the first record whose next one starts behind `position`.
    func firstRecord(behind position: LSN) -> Int {
        var low = 0
        var high = records.count
        while low < high {
            let middle = (low + high) / 2
            if records[middle].next > position { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// A shard's shares of records.
    func share(of shard: Int, records range: Range<Int>) -> ArraySlice<UInt8> {
        let from = range.lowerBound == 0 ? 0 : records[range.lowerBound - 1].shareEnds[shard]
        let to = range.upperBound == 0 ? 0 : records[range.upperBound - 1].shareEnds[shard]
        return shares[shard][from..<to]
    }

    /// How many of the records a shard gets something of.
    func shareCount(of shard: Int, records range: Range<Int>) -> Int {
        range.count { record in
            records[record].shareEnds[shard] > (record == 0 ? 0 : records[record - 1].shareEnds[shard])
        }
    }

    /// WAL between two positions.
    func wal(from: LSN, to: LSN) -> ArraySlice<UInt8> {
        bytes[Int(from.rawValue - start.rawValue)..<Int(to.rawValue - start.rawValue)]
    }
}

// MARK: - Samples

extension InterpretedStream {
    /// Some thousand records of a real server.
    static func golden(_ name: String, skipping: Int, length: Int, shards: [ShardIdentity]) throws -> InterpretedStream
    {
        let golden = try GoldenWAL.load(name)
        var start = golden.start
        let all = try golden.bytes()
        var decoder = try WALStreamDecoder(version: golden.version, startingAt: golden.start)
        var rest = all.span.bytes
        while let record = try decoder.next(&rest) {
            start = record.next
            if start.rawValue - golden.start.rawValue >= UInt64(skipping) { break }
        }
        let offset = Int(start.rawValue - golden.start.rawValue)
        let bytes = Array(all[offset..<min(offset + length, all.count)])
        return try InterpretedStream(name: name, version: golden.version, start: start, bytes: bytes, shards: shards)
    }

    /// Records of a generator: messages of any length, and segments that end early.
    static func generated(
        seed: UInt64,
        start: LSN,
        count: Int,
        maximumLength: Int,
        segmentSize: WALSegmentSize = .standard,
        switches: Bool = true,
        shards: [ShardIdentity]
    ) throws -> InterpretedStream {
        var random = SeededGenerator(seed: seed)
        var generator = try WALGenerator(
            LogicalMessageSource(),
            version: .v16,
            segmentSize: segmentSize,
            startingAt: start
        )
        var bytes: [UInt8] = []
        for _ in 0..<count {
            if switches && random.chance(1, in: 100) {
                bytes += generator.append(.segmentSwitch).bytes
            } else {
                // Short ones are the rule.
                let length = min(Int(random.magnitude() & 0xFFFF_FFFF), maximumLength)
                let source = LogicalMessageSource(payload: random.bytes(Int.random(in: 0...length, using: &random)))
                if let contents = source.next() { bytes += generator.append(contents).bytes }
            }
        }
        return try InterpretedStream(
            name: "generated \(seed)",
            version: .v16,
            segmentSize: segmentSize,
            start: start,
            bytes: bytes,
            shards: shards
        )
    }
}
