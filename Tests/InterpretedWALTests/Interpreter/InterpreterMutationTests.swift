import InterpretationModel
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing
import WALFiles

/// Damaged records whose CRC is right: what a confused server could send, or somebody who means harm.
@Suite("Mutated records")
struct InterpreterMutationTests {
    private static let count = 100_000

    private struct Fault: Error {
        var description: String
    }

    /// What became of the mutated records.
    private struct Tally {
        var interpreted = 0
        var refusedByParser = 0
        var refusedByInterpreter = 0
    }

    @Test("Each gives a typed error or sound shares, and an error changes nothing")
    func mutations() throws {
        let seed = UInt64.random(in: 0...(.max))
        var generator = SeededGenerator(seed: seed)
        var total = Tally()
        let versions: [(PostgresMajorVersion, [String])] = [
            (.v14, []), (.v15, ["pg15", "pg15-neon"]), (.v16, ["pg16", "pg16-neon"]), (.v17, ["pg17", "pg17-neon"]),
        ]
        for (version, golden) in versions {
            var originals = try golden.flatMap { try RecordParts.sample(of: try GoldenWAL.load($0)) }
            originals += try crafted(version)
            let tally = try interpret(
                Self.count / versions.count,
                mutationsOf: originals,
                version,
                seed: seed,
                using: &generator
            )
            total.interpreted += tally.interpreted
            total.refusedByParser += tally.refusedByParser
            total.refusedByInterpreter += tally.refusedByInterpreter
        }
        // Each way has to be taken often, or the mutations are no good.
        #expect(total.interpreted > 10_000 && total.refusedByParser > 10_000 && total.refusedByInterpreter > 2_000)
        #expect(total.interpreted + total.refusedByParser + total.refusedByInterpreter == Self.count)
    }

    private func crafted(_ version: PostgresMajorVersion) throws -> [RecordParts] {
        let wellFormed = WellFormedRecord.all.filter { $0.version == version }.map(\.record.contents)
        let vectors = RecordVector.all.filter { $0.version == version }.map(\.contents)
        var parts: [RecordParts] = []
        for contents in wellFormed + vectors {
            try Interpretation.withRecord(contents, version: version) { record, parsed in
                parts.append(RecordParts(record, parsed))
            }
        }
        return parts
    }

    /// Mutates, writes WAL, decodes and interprets it: one stream for all the records.
    private func interpret(
        _ count: Int,
        mutationsOf originals: [RecordParts],
        _ version: PostgresMajorVersion,
        seed: UInt64,
        using random: inout SeededGenerator
    ) throws -> Tally {
        let shards = try [ShardIdentity.unsharded] + ShardIdentity.all(count: 3, stripeSize: 1)
        let start = LSN(0x200_0028)
        var writer = try WALGenerator(NoRecords(), version: version, startingAt: start)
        var decoder = try WALStreamDecoder(version: version, startingAt: start)
        var parsed = ParsedRecord(version: version)
        var interpreter = BatchInterpreter(version: version, shards: shards)
        var tally = Tally()
        for number in 0..<count {
            guard let original = originals.randomElement(using: &random) else { break }
            let contents = original.mutated(using: &random)
            let element = writer.append(contents)
            var input = element.bytes.span.bytes
            // The last turn takes the padding.
            while let record = try decoder.next(&input) {
                do throws(WALDecodeError) {
                    try parsed.parse(record)
                } catch {
                    tally.refusedByParser += 1
                    continue
                }
                let before = shards.indices.map { interpreter.batch(of: $0).byteCount }
                do throws(InterpretationError) {
                    try interpreter.interpret(record, parsed)
                } catch {
                    tally.refusedByInterpreter += 1
                    let isUnchanged = before == shards.indices.map { interpreter.batch(of: $0).byteCount }
                    guard isUnchanged, !error.description.isEmpty else {
                        throw Fault(description: "seed \(seed), mutation \(number): \(error) spoils batches")
                    }
                    continue
                }
                tally.interpreted += 1
                if let fault = try fault(&interpreter, parsed.blockCount) {
                    throw Fault(description: "seed \(seed), mutation \(number): \(fault), \(contents)")
                }
            }
        }
        return tally
    }

    /// Whether the shards' shares of the last record go with what the unsharded tenant got; nil if they do.
    private func fault(_ interpreter: inout BatchInterpreter, _ blockCount: Int) throws -> String? {
        guard let whole = try interpreter.lastResult(of: 0)?.record else { return "nothing" }
        guard whole.batch.count == blockCount, whole.batch.metadata.count == blockCount else { return "\(whole)" }
        for (index, shard) in interpreter.shards.enumerated().dropFirst() {
            let found = try interpreter.lastResult(of: index)?.record
            if found != ShardShare.share(of: whole, for: shard) { return "\(shard) gets \(String(describing: found))" }
        }
        // Something stays in the batches, so that an error has something to spoil.
        guard interpreter.recordCount(of: 0) > 8 else { return nil }
        for index in interpreter.shards.indices { interpreter.removeBatch(of: index) }
        return nil
    }
}

/// A record in the parts that a mutation treats differently.
private struct RecordParts {
    var contents: WALRecordContents
    /// Where the header of the main data begins in the fragments; nil without main data.
    var mainHeader: Int?
    /// Where the main data begins in the fragments.
    var mainStart: Int

    init(_ record: borrowing WALRecord, _ parsed: borrowing ParsedRecord) {
        let bytes = record.bytes.array
        contents = WALRecordContents(
            resourceManager: record.resourceManager,
            info: record.info,
            transactionID: record.transactionID,
            fragments: Array(bytes[WALRecord.headerSize...])
        )
        mainStart = parsed.mainDataOffset - WALRecord.headerSize
        let payloads = (0..<parsed.blockCount).reduce(0) { sum, index in
            sum + Int(parsed[index].dataLength) + Int(parsed[index].image.length)
        }
        guard parsed.mainDataLength > 0 else { return }
        mainHeader = mainStart - payloads - (parsed.mainDataLength > 255 ? 5 : 2)
    }

    /// Up to 20 short records of each kind.
    static func sample(of golden: GoldenWAL) throws -> [RecordParts] {
        var counts: [UInt16: Int] = [:]
        var parts: [RecordParts] = []
        let walk = WALWalk(directory: try WALDirectory(path: golden.path), start: golden.start, end: golden.end)
        _ = try walk.run { record, parsed in
            let kind = UInt16(record.resourceManager.rawValue) << 8 | UInt16(record.info)
            guard record.bytes.byteCount < 600, counts[kind, default: 0] < 20 else { return }
            counts[kind, default: 0] += 1
            parts.append(RecordParts(record, parsed))
        }
        return parts
    }

    func mutated(using random: inout SeededGenerator) -> WALRecordContents {
        var contents = self.contents
        // Most mutations keep the layout, or the interpreter would see few of them.
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<4: change(&contents.fragments, from: mainStart, using: &random)
        case 4..<6: resize(&contents.fragments, using: &random)
        case 6..<8: change(&contents.fragments, from: 0, using: &random)
        case 8: contents.info ^= UInt8.random(in: 1...255, using: &random)
        default: cut(&contents.fragments, using: &random)
        }
        // A switch would fill a segment, each time.
        if contents.resourceManager == .xlog && contents.info == 0x40 { contents.info = 0x41 }
        return contents
    }

    private func change(_ bytes: inout [UInt8], from start: Int, using random: inout SeededGenerator) {
        guard start < bytes.count else { return }
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let offset = Int.random(in: start..<bytes.count, using: &random)
            bytes[offset] =
                random.chance(1, in: 3)
                ? [0x00, 0x01, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
                : UInt8.random(in: 0...255, using: &random)
        }
    }

    /// Makes the main data longer or shorter, and its header say so.
    private func resize(_ bytes: inout [UInt8], using random: inout SeededGenerator) {
        guard let mainHeader else { return }
        let isShort = bytes[mainHeader] == 255
        let limit = isShort ? 255 : 2000
        let length = Int.random(in: 0...min(limit, bytes.count - mainStart + 16), using: &random)
        bytes = Array((bytes + Array(repeating: 0, count: 16)).prefix(mainStart + length))
        if isShort {
            bytes[mainHeader + 1] = UInt8(length)
        } else {
            bytes.setLittleEndian(UInt32(length), at: mainHeader + 1)
        }
    }

    private func cut(_ bytes: inout [UInt8], using random: inout SeededGenerator) {
        bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
    }
}
