import PostgresWAL
import TestFixtures
import Testing

/// Spoilt WAL of real servers ends in a typed error or decodes; nothing traps and nothing grows.
///
/// Run it with `--sanitize=address` too: then a read outside a buffer ends the run.
@Suite("Mutations")
struct MutationTests {
    static let mutationsPerSeed = 2500
    static let seeds = Array(UInt64(1)...20)

    /// Pieces of 8 to 64 KB that begin at records, most of them short.
    private static let pieces: [Piece] = GoldenWAL.stock.flatMap { name in
        do {
            let golden = try GoldenWAL.load(name)
            let bytes = try golden.bytes()
            let whole = DecodedStream(bytes, version: golden.version, startingAt: golden.start)
            let sizes = [8, 8, 16, 8, 64, 8, 24, 8]
            return stride(from: 10, to: whole.records.count - 2000, by: 6700).enumerated().map { index, record in
                let start = whole.records[record].start
                let offset = Int(start.rawValue - golden.start.rawValue)
                let count = sizes[index % sizes.count] << 10
                let records = whole.records[record...].prefix { $0.end <= start + UInt64(count) }
                return Piece(
                    version: golden.version,
                    start: start,
                    bytes: Array(bytes[offset..<offset + count]),
                    records: records.map(whole.bytes(of:))
                )
            }
        } catch {
            preconditionFailure("no golden WAL: \(error)")
        }
    }

    struct Piece {
        var version: PostgresMajorVersion
        var start: LSN
        var bytes: [UInt8]
        /// The whole records in ``bytes``.
        var records: [[UInt8]]
    }

    /// How the runs of a test ended: both ways have to occur, or the test proves nothing.
    struct Outcomes {
        var records = 0
        var decodeErrors = 0
        var layoutErrors = 0
        var imageErrors = 0
        var restoredImages = 0
        var cleanEnds = 0
    }

    @Test("The stream as it is", arguments: seeds)
    func stream(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var outcomes = Outcomes()
        for _ in 0..<Self.mutationsPerSeed {
            guard var piece = Self.pieces.randomElement(using: &generator) else { return }
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                Mutation.allCases.randomElement(using: &generator)?.apply(to: &piece.bytes, using: &generator)
            }
            let size = [Int.max, Int.max, 8192, 1000, 37].randomElement(using: &generator) ?? Int.max
            run(piece, size: size, &outcomes)
        }
        #expect(outcomes.decodeErrors > Self.mutationsPerSeed / 4)
        #expect(outcomes.cleanEnds > 0)
        #expect(outcomes.records > 0)
    }

    @Test("Records with their CRC made right again", arguments: seeds)
    func repaired(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed &+ 1000)
        var outcomes = Outcomes()
        for _ in 0..<Self.mutationsPerSeed {
            guard let piece = Self.pieces.randomElement(using: &generator) else { return }
            run(try spoilt(piece, using: &generator), size: .max, &outcomes)
        }
        #expect(outcomes.decodeErrors == 0)
        #expect(outcomes.layoutErrors > Self.mutationsPerSeed / 4)
        #expect(outcomes.restoredImages > 0)
    }

    /// A few records of a piece, one of them spoilt behind its header, laid out anew.
    private func spoilt(_ piece: Piece, using generator: inout SeededGenerator) throws -> Piece {
        var wal = try WALGenerator(NoRecords(), version: piece.version, startingAt: LSN(0x200_0000))
        var bytes: [UInt8] = []
        let first = Int.random(in: 0..<piece.records.count, using: &generator)
        for (index, record) in piece.records[first...].prefix(3).enumerated() {
            var fragments = Array(record[24...])
            if index == 0 {
                // Mutations strike anywhere; the fragment headers in front are what the parser reads.
                var head = Array(fragments.prefix(60))
                for _ in 0..<Int.random(in: 1...2, using: &generator) {
                    Mutation.allCases.randomElement(using: &generator)?.apply(to: &head, using: &generator)
                }
                fragments.replaceSubrange(0..<min(60, fragments.count), with: head)
            }
            let contents = WALRecordContents(
                resourceManager: ResourceManager(rawValue: record[17]),
                info: record[16] | 1,
                fragments: fragments
            )
            bytes += wal.append(contents).bytes
        }
        return Piece(version: piece.version, start: LSN(0x200_0000), bytes: bytes, records: [])
    }

    private func run(_ piece: Piece, size: Int, _ outcomes: inout Outcomes) {
        do {
            var decoder = try WALStreamDecoder(version: piece.version, startingAt: piece.start)
            var parsed = ParsedRecord(version: piece.version)
            var page = [UInt8](repeating: 0, count: RelationPage.size)
            let size = min(size, max(piece.bytes.count, 1))
            for offset in stride(from: 0, to: piece.bytes.count, by: size) {
                let end = min(offset + size, piece.bytes.count)
                var input = piece.bytes.span.bytes.extracting(offset..<end)
                while let record = try decoder.next(&input) {
                    outcomes.records += 1
                    inspect(record, &parsed, &page, &outcomes)
                }
            }
            outcomes.cleanEnds += 1
            let capacity = decoder.assemblyCapacity
            if capacity > max(64 << 10, 2 * piece.bytes.count) {
                Issue.record("\(capacity) bytes allocated for \(piece.bytes.count) bytes of WAL")
            }
        } catch {
            outcomes.decodeErrors += 1
            if error.description.isEmpty { Issue.record("an error without words") }
        }
    }

    /// Parses a record and reads everything that the parser says is there.
    private func inspect(
        _ record: borrowing WALRecord,
        _ parsed: inout ParsedRecord,
        _ page: inout [UInt8],
        _ outcomes: inout Outcomes
    ) {
        do {
            try parsed.parse(record)
        } catch {
            outcomes.layoutErrors += 1
            return
        }
        var sum = sumOfBytes(parsed.mainData(of: record))
        for index in 0..<parsed.blockCount {
            let block = parsed[index]
            sum &+= sumOfBytes(parsed.data(of: block, in: record))
            guard block.hasImage else { continue }
            var span = page.mutableSpan
            var raw = span.mutableBytes
            do {
                try block.image.restore(from: parsed.image(of: block, in: record), into: &raw)
                outcomes.restoredImages += 1
            } catch {
                outcomes.imageErrors += 1
            }
        }
        if sum == -1 { Issue.record("sums of bytes are not negative") }
    }

    private func sumOfBytes(_ bytes: RawSpan) -> Int {
        bytes.withUnsafeBytes { $0.reduce(0) { $0 &+ Int($1) } }
    }
}
