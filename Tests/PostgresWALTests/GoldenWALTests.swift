import PostgresWAL
import TestFixtures
import Testing
import WALFiles

/// Every record of real WAL, as PostgreSQL's own tool sees it.
@Suite("Golden WAL against pg_waldump")
struct GoldenWALTests {
    /// What our decoder finds in a folder, in the words of pg_waldump.
    private func lines(of golden: GoldenWAL) throws -> (lines: [WaldumpLine], ending: WALWalk.Ending) {
        let directory = try WALDirectory(path: golden.path)
        #expect(directory.version == golden.version)
        #expect(directory.segmentSize == .standard)
        var lines: [WaldumpLine] = []
        let ending = try WALWalk(directory: directory, start: golden.start).run { record, parsed in
            lines.append(WaldumpLine(record, parsed, version: golden.version))
        }
        return (lines, ending)
    }

    @Test(arguments: GoldenWAL.stock)
    func everyRecord(name: String) throws {
        try compare(GoldenWAL.load(name))
    }

    /// Neon's resource manager is `custom134` with an unknown operation to an unmodified pg_waldump.
    @Test(arguments: GoldenWAL.neon)
    func everyRecordOfNeon(name: String) throws {
        try compare(GoldenWAL.load(name))
    }

    private func compare(_ golden: GoldenWAL) throws {
        let (ours, ending) = try lines(of: golden)
        // It ends with an error where the WAL does, so the status says nothing.
        let dump = try Waldump.run(golden.version, ["-p", golden.path, "-s", golden.start.description])
        let theirs = WaldumpLine.parse(dump.output)
        #expect(theirs.count > 58_000)
        #expect(ours.count == theirs.count)
        let mismatches = zip(ours, theirs).filter { $0 != $1 }
        if let first = mismatches.first {
            Issue.record("\(mismatches.count) records differ, first: ours \(first.0), theirs \(first.1)")
        }
        guard case .endOfWAL(let end, .zeroed) = ending else {
            Issue.record("the WAL ended with \(ending)")
            return
        }
        #expect(end >= golden.end)
        #expect(dump.errors.contains("at \(end)"), "\(dump.errors)")
    }

    @Test("The range of the meta file holds whole records", arguments: GoldenWAL.stock + GoldenWAL.neon)
    func rangeOfMeta(name: String) throws {
        let golden = try GoldenWAL.load(name)
        let walk = WALWalk(
            directory: try WALDirectory(path: golden.path),
            start: golden.start,
            end: golden.end
        )
        var starts: [LSN] = []
        var next = LSN.invalid
        var previous = LSN.invalid
        var isLinked = true
        let ending = try walk.run { record, _ in
            isLinked = isLinked && (starts.isEmpty || record.previous == previous)
            previous = record.start
            starts.append(record.start)
            next = record.next
        }
        #expect(ending == .reached(golden.end))
        #expect(starts.first == golden.start)
        #expect(next == golden.end)
        #expect(isLinked)
    }
}

extension WaldumpLine {
    /// A record in pg_waldump's words.
    init(_ record: borrowing WALRecord, _ parsed: borrowing ParsedRecord, version: PostgresMajorVersion) {
        var blocks: [Block] = []
        var imageBytes = 0
        for index in 0..<parsed.blockCount {
            let block = parsed[index]
            imageBytes += Int(block.image.length)
            blocks.append(
                Block(
                    id: block.id,
                    relation: "\(block.tablespace)/\(block.database)/\(block.relation)",
                    fork: ["main", "fsm", "vm", "init"][Int(block.fork)],
                    block: block.block,
                    image: !block.hasImage ? .none : block.appliesImage ? .applied : .forVerification
                )
            )
        }
        let manager = record.resourceManager
        self.init(
            resourceManager: manager.name,
            lengthWithoutImages: record.bytes.byteCount - imageBytes,
            length: record.bytes.byteCount,
            transactionID: record.transactionID,
            start: record.start,
            previous: record.previous,
            operation: manager.operation(info: record.info, version: version),
            blocks: blocks
        )
    }
}
