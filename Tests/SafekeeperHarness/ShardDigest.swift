import CChecksum
import InterpretedWAL
package import PostgresWAL
package import ShardIdentity

/// What one shard has been sent: a checksum of its records' bytes, in order, however they were cut into messages.
package struct ShardDigest: Hashable, Sendable, CustomStringConvertible {
    /// The bytes of records in their protobuf form.
    package private(set) var bytes: UInt64 = 0
    /// The number of records.
    package private(set) var records: UInt64 = 0
    private var checksum: UInt32 = ~0

    package init() {}

    /// Adds what a message has before its end: whole records as they stand in it.
    package mutating func add(_ recordFields: RawSpan, count: Int) {
        checksum = recordFields.withUnsafeBytes { cchecksum_crc32c(checksum, $0.baseAddress, $0.count) }
        bytes += UInt64(recordFields.byteCount)
        records += UInt64(count)
    }

    /// The digest as a word: bytes, records, checksum.
    package var description: String { "\(bytes):\(records):\(String(~checksum, radix: 16))" }

    /// What decoding at home gives each shard of the WAL.
    ///
    /// - Parameters:
    ///   - wal: WAL from a record's start to a record's end.
    ///   - version: the version that wrote it.
    ///   - start: its position.
    ///   - shards: the shards.
    /// - Returns: their digests, in their order.
    /// - Throws: what the decoder and the interpreter throw.
    package static func expected(
        of wal: [UInt8],
        version: PostgresMajorVersion,
        startingAt start: LSN,
        shards: [ShardIdentity]
    ) throws -> [ShardDigest] {
        var digests = Array(repeating: ShardDigest(), count: shards.count)
        var decoder = try WALStreamDecoder(version: version, startingAt: start)
        var parsed = ParsedRecord(version: version)
        var interpreter = BatchInterpreter(version: version, shards: shards)
        var rest = wal.span.bytes
        var pending = 0
        while let record = try decoder.next(&rest) {
            try parsed.parse(record)
            try interpreter.interpret(record, parsed)
            pending += 1
            guard pending == 1024 else { continue }
            pending = 0
            take(&interpreter, into: &digests)
        }
        take(&interpreter, into: &digests)
        return digests
    }

    private static func take(_ interpreter: inout BatchInterpreter, into digests: inout [ShardDigest]) {
        for index in digests.indices {
            digests[index].add(interpreter.batch(of: index), count: interpreter.recordCount(of: index))
            interpreter.removeBatch(of: index)
        }
    }
}
