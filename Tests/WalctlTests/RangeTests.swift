import Foundation
import PostgresWAL
import TestFixtures
import Testing

@Suite("walctl ranges")
struct RangeTests {
    /// The first lines of golden WAL, and their records' starts.
    private func someLines(_ golden: GoldenWAL) throws -> [(start: LSN, line: String)] {
        let run = try Walctl.decode(
            golden.path,
            "--start",
            golden.start.description,
            "--end",
            (golden.start + 100_000).description
        )
        #expect(run.status == 0)
        return run.lines.compactMap { line in
            WaldumpLine(parsing: line).map { ($0.start, String(decoding: line, as: UTF8.self)) }
        }
    }

    @Test func startInTheMiddleOfARecord() throws {
        let golden = try GoldenWAL.load("pg16")
        let lines = try someLines(golden)
        #expect(lines.count > 80)
        for index in [1, 50, 79] {
            for start in [lines[index].start, lines[index - 1].start + 1, lines[index].start - 1] {
                let run = try Walctl.decode(
                    golden.path,
                    "--start",
                    start.description,
                    "--end",
                    lines[lines.count - 1].start.description
                )
                #expect(run.status == 0)
                #expect(run.errors.isEmpty)
                #expect(run.text == lines[index..<lines.count - 1].map { $0.line + "\n" }.joined())
            }
        }
    }

    @Test func startInsideALongRecordThatCoversPages() throws {
        // The page of the start holds no record's start: the first one behind it is found.
        let size = WALSegmentSize.standard
        let source = LogicalMessageSource(payload: [UInt8](repeating: 1, count: 50_000))
        var generator = try WALGenerator(source, version: .v17, startingAt: LSN(size.bytes))
        var bytes: [UInt8] = []
        var starts: [LSN] = []
        for _ in 0..<3 {
            guard let element = generator.next() else { break }
            bytes += element.bytes
            starts.append(element.start)
        }
        bytes += [UInt8](repeating: 0, count: Int(size.bytes) - bytes.count)
        let folder = try TemporaryFolder()
        try folder.write(bytes, to: "000000010000000000000001")
        let run = try Walctl.decode(folder.path, "--start", (starts[0] + 20_000).description)
        #expect(run.status == 0, "\(run.errors)")
        #expect(WaldumpLine.parse(run.output).map(\.start) == Array(starts[1...]))
    }

    @Test func endIsExclusive() throws {
        let golden = try GoldenWAL.load("pg15")
        let lines = try someLines(golden)
        for end in [lines[40].start, lines[40].start - 1, lines[39].start + 1] {
            let run = try Walctl.decode(
                golden.path,
                "--start",
                golden.start.description,
                "--end",
                end.description
            )
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.lines.count == 40)
        }
    }

    @Test func emptyRange() throws {
        let golden = try GoldenWAL.load("pg15")
        let start = golden.start.description
        let run = try Walctl.decode(golden.path, "--start", start, "--end", start)
        #expect(run.status == 0)
        #expect(run.output.isEmpty)
        let statistics = try Walctl.decode(golden.path, "--start", start, "--end", start, "--stats")
        #expect(statistics.text == "no records\n")
    }

    @Test func endBeyondTheWAL() throws {
        let golden = try GoldenWAL.load("pg17")
        let run = try Walctl.decode(golden.path, "--start", golden.start.description, "--end", "0/3FFFFFF")
        #expect(run.status == 1)
        #expect(run.lines.count > 58_000)
        #expect(run.errors.contains("the WAL ends at 0/30000A0, before 0/3FFFFFF"), "\(run.errors)")
    }

    @Test func withoutAStartTheFirstRecordIsFound() throws {
        let golden = try GoldenWAL.load("pg15")
        let theirs = WaldumpLine.parse(
            try Waldump.run(.v15, ["-p", golden.path, "-s", "0/1000000", "-e", "0/1010000"]).output
        )
        let end = try #require(theirs.last?.start)
        let run = try Walctl.decode(golden.path, "--end", end.description)
        #expect(run.status == 0, "\(run.errors)")
        #expect(WaldumpLine.parse(run.output) == theirs.dropLast())
    }
}
