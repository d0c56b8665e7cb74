import InterpretationModel
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures

/// A record and what each shard is to get of it, from `Tests/Fixtures/interpreted/vectors.txt`.
struct RecordVector: CustomStringConvertible {
    /// What a shard is to get; what the vector doesn't tell is nil.
    struct Expectation {
        var metadata: [UInt8]?
        var values: [ExpectedValue] = []
        var xid: UInt32 = 0
        var flushUncommitted = false
        var isEmpty = false
        var protobuf: [UInt8]?
        var raw: RawDigest?
    }

    struct ExpectedValue: Equatable {
        var key: CompactKey
        /// Offset, length and will-init flag; nil for an observed one.
        var serialized: [Int]?
    }

    /// A description of long values: length, first bytes with zeros behind them, CRC-32C.
    struct RawDigest: Equatable {
        var length: Int
        var firstBytes: [UInt8]
        var checksum: UInt32
    }

    struct MalformedVector: Error {
        var description: String
    }

    var name: String
    var version: PostgresMajorVersion
    var next: LSN
    var shards: [ShardIdentity]
    var bytes: [UInt8]
    var expectations: [Expectation] = []

    var description: String { name }

    /// All vectors of `wal-interpretation.md` §17.5.
    static let all: [RecordVector] = {
        do {
            return try parse(try fixtureText("interpreted/vectors.txt"))
        } catch {
            preconditionFailure("vectors.txt: \(error)")
        }
    }()

    /// The record as the generator takes it.
    var contents: WALRecordContents {
        WALRecordContents(
            resourceManager: ResourceManager(rawValue: bytes[17]),
            info: bytes[16],
            transactionID: bytes.span.bytes.littleEndian(at: 4),
            fragments: Array(bytes[WALRecord.headerSize...])
        )
    }

    var previous: LSN { LSN(bytes.span.bytes.littleEndian(at: 8)) }
}

// MARK: - Reading the file

extension RecordVector {
    private static func parse(_ text: String) throws -> [RecordVector] {
        var vectors: [RecordVector] = []
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ").map(String.init)
            if words[0] == "record" {
                vectors.append(try RecordVector(words))
            } else {
                try vectors[vectors.count - 1].addExpectation(words)
            }
        }
        return vectors
    }

    // `record R7 v17 next=0/2BEDC20 shards=4/2048 41000000…`
    private init(_ words: [String]) throws {
        let layout = value(words[4]).split(separator: "/")
        guard let version = Int(words[2].dropFirst()).flatMap(PostgresMajorVersion.init(rawValue:)),
            let next = LSN(value(words[3])), let count = Int(layout[0]), let stripeSize = UInt32(layout[1])
        else { throw MalformedVector(description: "no record: \(words)") }
        name = words[1]
        self.version = version
        self.next = next
        shards = try ShardIdentity.all(count: count, stripeSize: stripeSize)
        bytes = hex(words[5])
        expectations = shards.map { _ in Expectation() }
    }

    // `shards 2,3 metadata=none values=none xid=753 empty=yes protobuf=120018b88cdf15`
    private mutating func addExpectation(_ words: [String]) throws {
        var expectation = Expectation()
        for word in words.dropFirst(2) {
            let value = value(word)
            switch word.prefix(while: { $0 != "=" }) {
            case "metadata": expectation.metadata = value == "none" ? nil : hex(value)
            case "values": expectation.values = try RecordVector.values(value)
            case "xid": expectation.xid = UInt32(value) ?? 0
            case "flush": expectation.flushUncommitted = value == "yes"
            case "empty": expectation.isEmpty = value == "yes"
            case "protobuf": expectation.protobuf = hex(value)
            case "raw":
                let parts = value.split(separator: ":").map(String.init)
                expectation.raw = RawDigest(
                    length: Int(parts[0]) ?? 0,
                    firstBytes: hex(parts[1]),
                    checksum: UInt32(parts[2], radix: 16) ?? 0
                )
            default: throw MalformedVector(description: "no field of a vector: \(word)")
            }
        }
        let numbers = words[1] == "*" ? Array(shards.indices) : words[1].split(separator: ",").compactMap { Int($0) }
        for number in numbers { expectations[number] = expectation }
    }

    // `S:00067f…0a:0:82:0,O:00067f…0b`
    private static func values(_ text: String) throws -> [ExpectedValue] {
        if text == "none" { return [] }
        return try text.split(separator: ",").map { entry in
            let parts = entry.split(separator: ":").map(String.init)
            let key = try CompactKey(bytes: hex(parts[1]).span.bytes)
            return ExpectedValue(
                key: key,
                serialized: parts[0] == "S" ? parts.dropFirst(2).compactMap { Int($0) } : nil
            )
        }
    }
}

/// What stands behind the equals sign.
private func value(_ word: String) -> String {
    String(word.drop { $0 != "=" }.dropFirst())
}
