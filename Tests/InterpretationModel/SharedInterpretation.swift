package import InterpretedWAL
package import PostgresWAL
package import ShardIdentity

/// Interprets records for an unsharded tenant and any layouts at once, and checks each shard's share of each record.
package struct SharedInterpretation: ~Copyable {
    /// A layout: all its shards, in the order of their numbers.
    private struct Layout {
        var shards: [ShardIdentity]
        /// The first shard's index in the interpreter.
        var first: Int
    }

    private var interpreter: BatchInterpreter
    private let layouts: [Layout]
    /// The LSN of each shard's last record.
    private var lastNext: [LSN]
    /// The records seen, and those that each shard got.
    package private(set) var recordCount = 0
    package private(set) var shardRecordCounts: [Int]

    /// The shards, the unsharded tenant first.
    package var shards: [ShardIdentity] { interpreter.shards }

    /// Prepares for layouts of different counts or stripe sizes, each given by all its shards.
    package init(version: PostgresMajorVersion, layouts: [[ShardIdentity]]) {
        var first = 1
        self.layouts = layouts.map { shards in
            defer { first += shards.count }
            return Layout(shards: shards, first: first)
        }
        interpreter = BatchInterpreter(version: version, shards: [.unsharded] + layouts.flatMap { $0 })
        lastNext = Array(repeating: .invalid, count: first)
        shardRecordCounts = Array(repeating: 0, count: first)
    }

    /// Interprets a record; gives what an unsharded tenant gets of it.
    ///
    /// - Throws: ``Mismatch`` if a shard's share is another than the model says.
    package mutating func interpret(
        _ record: borrowing WALRecord,
        _ parsed: borrowing ParsedRecord
    ) throws -> InterpretedRecord {
        try interpreter.interpret(record, parsed)
        guard let whole = try lastRecord(of: 0) else {
            throw Mismatch("the unsharded tenant gets nothing", record.start)
        }
        recordCount += 1
        shardRecordCounts[0] += 1
        for layout in layouts { try check(layout, whole, start: record.start) }
        if recordCount % 256 == 0 {
            for index in lastNext.indices { interpreter.removeBatch(of: index) }
        }
        return whole
    }

    private mutating func check(_ layout: Layout, _ whole: InterpretedRecord, start: LSN) throws {
        let identity = layout.shards[0]
        let concerned = ShardShare.concerned(by: whole, count: identity.count, stripeSize: identity.stripeSize)
        // Shards that aren't concerned all get the same, which is decoded once.
        var othersAreKnown = false
        var othersBytes: [UInt8]?
        for (offset, shard) in layout.shards.enumerated() {
            let index = layout.first + offset
            let isOther = !concerned.contains(shard.number)
            if isOther && othersAreKnown {
                guard bytesEqual(index, othersBytes) else { throw Mismatch("\(shard) gets other bytes", start) }
            } else {
                let expected = ShardShare.share(of: whole, for: shard)
                let found = try lastRecord(of: index)
                if found != expected {
                    throw Mismatch(
                        "\(shard) gets \(String(describing: found)), not \(String(describing: expected))",
                        start
                    )
                }
                if isOther {
                    othersBytes = lastBytes(of: index)
                    othersAreKnown = true
                }
            }
            try count(index, whole.nextRecordLSN, start: start)
        }
    }

    /// Keeps account of what a shard got, and that its LSNs only rise.
    private mutating func count(_ index: Int, _ next: LSN, start: LSN) throws {
        guard interpreter.lastRecord(of: index) != nil else { return }
        guard lastNext[index] < next else { throw Mismatch("\(shards[index]) goes back to \(next)", start) }
        lastNext[index] = next
        shardRecordCounts[index] += 1
    }

    private func lastRecord(of index: Int) throws -> InterpretedRecord? {
        guard let bytes = interpreter.lastRecord(of: index) else { return nil }
        return try InterpretedRecord(protobuf: bytes)
    }

    private func lastBytes(of index: Int) -> [UInt8]? {
        guard let bytes = interpreter.lastRecord(of: index) else { return nil }
        return bytes.array
    }

    private func bytesEqual(_ index: Int, _ known: [UInt8]?) -> Bool {
        guard let bytes = interpreter.lastRecord(of: index) else { return known == nil }
        return known.map { known in bytes.withUnsafeBytes { $0.elementsEqual(known) } } ?? false
    }

    /// A shard gets something else than it should.
    package struct Mismatch: Error, CustomStringConvertible {
        package let description: String

        init(_ what: String, _ lsn: LSN) {
            description = "record at \(lsn): \(what)"
        }
    }
}
