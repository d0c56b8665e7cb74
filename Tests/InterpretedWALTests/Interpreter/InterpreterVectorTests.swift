import CChecksum
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import Testing

/// Source: `wal-interpretation.md` §17.5.
@Suite("Interpreter vectors")
struct InterpreterVectorTests {
    @Test("All are there")
    func count() {
        #expect(RecordVector.all.count == 36)
    }

    @Test("What each shard gets", arguments: RecordVector.all)
    func vector(vector: RecordVector) throws {
        try checkRecord(vector)
        let results = try Interpretation.results(
            of: vector.contents,
            version: vector.version,
            shards: vector.shards,
            next: vector.next,
            previous: vector.previous
        )
        for (number, expected) in vector.expectations.enumerated() {
            if expected.isEmpty && number > 0 {
                #expect(results[number] == nil, "shard \(number)")
                continue
            }
            let result = try #require(results[number], "shard \(number)")
            check(result, expected, vector, "shard \(number)")
        }
    }

    /// The record that the generator makes of the vector's parts is the vector's, CRC included.
    private func checkRecord(_ vector: RecordVector) throws {
        try Interpretation.withRecord(
            vector.contents,
            version: vector.version,
            next: vector.next,
            previous: vector.previous
        ) { record, _ in
            let bytes = record.bytes.array
            #expect(bytes == vector.bytes)
            #expect(record.next == vector.next)
        }
    }

    private func check(
        _ result: ShardResult,
        _ expected: RecordVector.Expectation,
        _ vector: RecordVector,
        _ shard: Comment
    ) {
        let record = result.record
        #expect(record.metadata?.encoded() == expected.metadata, shard)
        #expect(record.batch.metadata.map(RecordVector.ExpectedValue.init) == expected.values, shard)
        #expect(record.batch.metadata.allSatisfy { $0.lsn == vector.next }, shard)
        #expect(record.nextRecordLSN == vector.next, shard)
        #expect(record.xid == expected.xid, shard)
        #expect(record.flushUncommitted == expected.flushUncommitted, shard)
        #expect(record.isEmpty == expected.isEmpty, shard)
        let serialized = expected.values.compactMap(\.serialized)
        #expect(record.batch.count == serialized.count, shard)
        #expect(record.batch.maxLSN == (serialized.isEmpty ? .invalid : vector.next), shard)
        #expect(record.batch.rawBytes.count == serialized.reduce(0) { $0 + $1[1] }, shard)
        if let protobuf = expected.protobuf { #expect(result.bytes == protobuf, shard) }
        if let raw = expected.raw {
            #expect(RecordVector.RawDigest(record.batch.rawBytes, firstCount: raw.firstBytes.count) == raw, shard)
        }
        // The protobuf form is the canonical one whether the vector gives it or not.
        let batch = InterpretedBatch(records: [record], nextRecordLSN: vector.next)
        let message = ReferenceCodec.encode(batch)
        #expect(
            message.dropLast(InterpretedBatch.tailSize(vector.next)).suffix(result.bytes.count) == result.bytes[...]
        )
    }

    @Test("Values hold the whole record, whatever the fragment that names the block")
    func valuesHoldTheRecord() throws {
        for vector in RecordVector.all {
            let results = try Interpretation.results(
                of: vector.contents,
                version: vector.version,
                shards: vector.shards,
                next: vector.next,
                previous: vector.previous
            )
            for result in results.compactMap({ $0 }) {
                for case .serialized(_, _, let offset, let length, let willInit) in result.record.batch.metadata {
                    let bytes = result.record.batch.rawBytes[offset..<offset + length]
                    switch try StoredValue(decoding: Array(bytes)) {
                    case .record(let record):
                        #expect(record == .postgres(willInit: willInit, record: vector.bytes), "\(vector)")
                    case .image(let page):
                        #expect(page.count == RelationPage.size && willInit, "\(vector)")
                    }
                }
            }
        }
    }
}

extension RecordVector.ExpectedValue {
    fileprivate init(_ metadata: ValueMetadata) {
        switch metadata {
        case .serialized(let key, _, let offset, let length, let willInit):
            self.init(key: key, serialized: [offset, length, willInit ? 1 : 0])
        case .observed(let key, _):
            self.init(key: key, serialized: nil)
        }
    }
}

extension RecordVector.RawDigest {
    /// The digest of bytes that are zero behind the first; those bytes of them that aren't count as first ones.
    fileprivate init(_ bytes: [UInt8], firstCount: Int) {
        let used = bytes.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        let checksum = bytes.withUnsafeBytes { ~cchecksum_crc32c(~0, $0.baseAddress, $0.count) }
        self.init(length: bytes.count, firstBytes: Array(bytes.prefix(max(used, firstCount))), checksum: checksum)
    }
}

extension InterpretedBatch {
    /// Bytes behind the records of a message that has no start LSN.
    fileprivate static func tailSize(_ next: LSN) -> Int {
        ReferenceCodec.encode(InterpretedBatch(nextRecordLSN: next)).count
    }
}
