import InterpretedWAL
import PostgresWAL
import ShardIdentity

/// Prints interpreted records as lines, or gathers their digests.
struct InterpretedRecordPrinter: ~Copyable {
    private let format: Interpret.Format
    private let shardNames: [String]
    private var output = TextBuffer()
    private var line: [UInt8] = []
    private var digests: [Digest] = []

    private struct Digest {
        let hash: SHA256
        var records = 0
        var bytes = 0
    }

    init(format: Interpret.Format, shards: [ShardIdentity]) throws {
        self.format = format
        shardNames = shards.map { "\($0.index)" }
        if format == .digest { digests = try shards.map { _ in Digest(hash: try SHA256()) } }
    }

    /// Adds what a shard gets of a record.
    mutating func add(_ bytes: RawSpan, start: LSN, next: LSN, shard: Int) throws {
        if format == .json {
            let record = try InterpretedRecord(protobuf: bytes)
            output.append(try InterpretedRecordJSON(record, start: start, shard: shardNames[shard]).text())
            return try output.endLine()
        }
        line.removeAll(keepingCapacity: true)
        line += "\(start) \(next) \(shardNames[shard]) ".utf8
        appendHexadecimal(bytes)
        if format == .lines {
            output.append(line)
            return try output.endLine()
        }
        line.append(UInt8(ascii: "\n"))
        digests[shard].records += 1
        digests[shard].bytes += bytes.byteCount
        line.withUnsafeBytes { digests[shard].hash.update($0) }
    }

    private mutating func appendHexadecimal(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { buffer in
            for byte in buffer {
                line.append(hexadecimalDigits[Int(byte >> 4)])
                line.append(hexadecimalDigits[Int(byte & 0xF)])
            }
        }
    }

    /// Prints what is left, and the digests.
    mutating func finish() throws {
        for (name, digest) in zip(shardNames, digests) {
            output.append(
                "shard=\(name) records=\(digest.records) bytes=\(digest.bytes) sha256=\(digest.hash.finish())"
            )
            try output.endLine()
        }
        try output.flush()
    }
}

private let hexadecimalDigits = Array("0123456789abcdef".utf8)
