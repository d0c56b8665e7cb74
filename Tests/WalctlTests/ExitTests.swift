import Foundation
import PostgresWAL
import TestFixtures
import Testing

@Suite("walctl: damage, ends, mistakes")
struct ExitTests {
    private static let second = "000000010000000000000002"
    private static let last = "000000010000000000000003"

    @Test("A flipped byte ends the run where it lies", arguments: ["text", "jsonl", "stats"])
    func damage(format: String) throws {
        let copy = try WALCopy(of: "pg15")
        let whole = WaldumpLine.parse(try Walctl.decode(copy.path, "--start", copy.golden.start.description).output)
        // A record in the middle of the second segment, on one page.
        let index = try #require(
            whole.firstIndex { $0.start.rawValue > 0x218_0000 && $0.start.pageOffset < 4000 && $0.length < 200 }
        )
        let record = whole[index]
        try copy.edit(Self.second) { $0[Int(record.start.rawValue - 0x200_0000) + 30] ^= 0x40 }
        let arguments = format == "stats" ? ["--stats"] : ["--format", format]
        let run = try Walctl.decode(
            copy.path,
            "--start",
            copy.golden.start.description,
            arguments[0],
            arguments.last ?? ""
        )
        #expect(run.status == 1)
        #expect(run.errors.contains("WAL record crc mismatch at"), "\(run.errors)")
        #expect(run.errors.contains(record.start.description), "\(run.errors)")
        if format == "stats" {
            let total = try #require(run.text.split(separator: "\n").last { $0.hasPrefix("Total") })
            #expect(total.split(separator: " ")[1] == "\(index)")
        } else {
            #expect(run.lines.count == index)
        }
    }

    @Test("A damaged record that starts before --end is damage, even if it is the last one asked for")
    func damageBeforeTheEnd() throws {
        let copy = try WALCopy(of: "pg15")
        let whole = WaldumpLine.parse(try Walctl.decode(copy.path, "--start", copy.golden.start.description).output)
        let index = try #require(
            whole.firstIndex { $0.start.rawValue > 0x218_0000 && $0.start.pageOffset < 4000 && $0.length < 200 }
        )
        let (record, next) = (whole[index].start, whole[index + 1].start)
        try copy.edit(Self.second) { $0[Int(record.rawValue - 0x200_0000) + 30] ^= 0x40 }
        let run = try Walctl.decode(copy.path, "--start", record.description, "--end", next.description)
        #expect(run.status == 1)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("WAL record crc mismatch at"), "\(run.errors)")
    }

    @Test("A segment file cut short is told from the end of the WAL", arguments: [true, false])
    func shortSegmentInTheMiddle(atRecordEnd: Bool) throws {
        let copy = try WALCopy(of: "pg15")
        let whole = WaldumpLine.parse(try Walctl.decode(copy.path, "--start", copy.golden.start.description).output)
        let cut = try #require(whole.last { $0.start < LSN(0x1F0_0000) }).start + (atRecordEnd ? 0 : 8)
        try copy.edit("000000010000000000000001") { $0.removeLast($0.count - Int(cut.rawValue - 0x100_0000)) }
        let run = try Walctl.decode(copy.path, "--start", copy.golden.start.description)
        #expect(run.status == 1)
        #expect(run.errors.contains("later segments hold WAL"), "\(run.errors)")
        #expect(WaldumpLine.parse(run.output).last.map { $0.start < cut } == true)
    }

    @Test func aDamagedPageHeader() throws {
        let copy = try WALCopy(of: "pg17")
        try copy.edit(Self.second) { $0[0x80000] ^= 1 }
        let run = try Walctl.decode(copy.path, "--start", copy.golden.start.description)
        #expect(run.status == 1)
        #expect(run.errors.contains("xlp_magic"))
        #expect(run.errors.contains("at 0/2080000"), "\(run.errors)")
        #expect(!run.lines.isEmpty)
    }

    @Test("A hole of zeros with WAL behind it is damage", arguments: [0x100000, 0x100800])
    func holeOfZeros(offset: Int) throws {
        let copy = try WALCopy(of: "pg16")
        try copy.edit(Self.second) { bytes in
            for index in offset..<offset + 8192 { bytes[index] = 0 }
        }
        let run = try Walctl.decode(copy.path, "--start", copy.golden.start.description)
        #expect(run.status == 1, "\(run.errors)")
        #expect(run.errors.contains("0/210"), "\(run.errors)")
    }

    @Test func zerosToTheEndAreTheEnd() throws {
        let copy = try WALCopy(of: "pg15")
        try copy.remove(Self.last)
        try copy.edit(Self.second) { bytes in
            for index in 0x100000..<bytes.count { bytes[index] = 0 }
        }
        let run = try Walctl.decode(copy.path, "--start", copy.golden.start.description)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.contains("end of WAL at 0/2"), "\(run.errors)")
        let lines = WaldumpLine.parse(run.output)
        #expect((lines.last?.start ?? .invalid) < LSN(0x210_0000))
        #expect(lines.count > 10_000)
    }

    @Test func aRecycledSegmentIsTheEnd() throws {
        let copy = try WALCopy(of: "pg15")
        try copy.remove(Self.last)
        // What a server leaves when it uses the first file again for the third segment.
        try copy.folder.write(
            try fileBytes(copy.golden.path + "/000000010000000000000001"),
            to: Self.last
        )
        let run = try Walctl.decode(copy.path, "--start", copy.golden.start.description)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.contains("earlier use of the file"), "\(run.errors)")
    }

    @Test func aTruncatedLastFile() throws {
        let copy = try WALCopy(of: "pg15")
        try copy.remove(Self.last)
        try copy.edit(Self.second) { $0.removeLast($0.count - 0x123456) }
        let run = try Walctl.decode(copy.path, "--start", copy.golden.start.description)
        #expect(run.status == 1, "\(run.errors)")
        #expect(run.errors.contains("is damaged or was written only in part"), "\(run.errors)")
        let lines = WaldumpLine.parse(run.output)
        let end = LSN(0x212_3456)
        #expect(lines.last.map { $0.start < end } == true)
        let asked = try Walctl.decode(
            copy.path,
            "--start",
            copy.golden.start.description,
            "--end",
            "0/2123460"
        )
        #expect(asked.status == 1)
        #expect(asked.lines.count == lines.count)
    }

    @Test func aMissingSegment() throws {
        let copy = try WALCopy(of: "pg16")
        try copy.remove(Self.second)
        let run = try Walctl.decode(copy.path, "--start", copy.golden.start.description)
        #expect(run.status == 1)
        #expect(run.errors.contains(Self.second), "\(run.errors)")
        #expect(run.errors.contains("0/2000000"), "\(run.errors)")
        #expect(!run.lines.isEmpty)
    }

    @Test func aPartialSegmentStandsInForTheWholeOne() throws {
        let copy = try WALCopy(of: "pg16")
        let whole = try Walctl.decode(copy.path, "--start", copy.golden.start.description)
        try copy.rename(Self.last, to: Self.last + ".partial")
        let partial = try Walctl.decode(copy.path, "--start", copy.golden.start.description)
        #expect(partial.status == 0, "\(partial.errors)")
        #expect(partial.output == whole.output)
        // Both there: the partial one is read.
        try copy.folder.write([UInt8](repeating: 0, count: 16 << 20), to: Self.last)
        let both = try Walctl.decode(copy.path, "--start", copy.golden.start.description)
        #expect(both.output == whole.output)
    }

    @Test func severalTimelines() throws {
        let copy = try WALCopy(of: "pg15")
        try copy.folder.write(try fileBytes(copy.folder.path(of: Self.last)), to: "000000020000000000000003")
        let run = try Walctl.decode(copy.path)
        #expect(run.status == 1)
        #expect(run.errors.contains("timelines 1, 2"), "\(run.errors)")
        let chosen = try Walctl.decode(copy.path, "--timeline", "1", "--stats")
        #expect(chosen.status == 0, "\(chosen.errors)")
        let other = try Walctl.decode(copy.path, "--timeline", "3")
        #expect(other.status == 1)
    }

    @Test func aMissingFolder() throws {
        let run = try Walctl.decode("/nonexistent/folder")
        #expect(run.status == 1)
        #expect(run.errors.contains("/nonexistent/folder"))
        #expect(run.output.isEmpty)
    }

    @Test func aFolderWithoutWAL() throws {
        let folder = try TemporaryFolder()
        try folder.write([1], to: "readme")
        let run = try Walctl.decode(folder.path)
        #expect(run.status == 1)
        #expect(run.errors.contains("no WAL segment files"), "\(run.errors)")
    }

    @Test("A file that is no segment", arguments: [0, 10, 8192])
    func noSegment(size: Int) throws {
        let folder = try TemporaryFolder()
        try folder.write([UInt8](repeating: 0x41, count: size), to: Self.last)
        let run = try Walctl.decode(folder.path)
        #expect(run.status == 1)
        #expect(run.errors.contains("is not a WAL segment"), "\(run.errors)")
    }

    @Test("A start where there is no WAL", arguments: ["0/0", "0/2F00000", "5/0"])
    func startOutside(start: String) throws {
        let golden = try GoldenWAL.load("pg15")
        let run = try Walctl.decode(golden.path, "--start", start)
        #expect(run.status == 1)
        #expect(run.errors.contains(start), "\(run.errors)")
        #expect(run.output.isEmpty)
    }

    @Test(
        "Bad arguments",
        arguments: [
            ["decode"], ["decode", "--wal-dir"], ["decode", "--wal-dir", "/tmp", "--start", "nonsense"],
            ["decode", "--wal-dir", "/tmp", "--start", "0/2", "--end", "0/1"],
            ["decode", "--wal-dir", "/tmp", "--format", "xml"], ["decode", "--wal-dir", "/tmp", "--timeline", "-1"],
            ["decode", "--wal-dir", "/tmp", "--nonsense"], ["nonsense"],
        ]
    )
    func badArguments(arguments: [String]) throws {
        let run = try FinishedProcess.run(Walctl.path, arguments)
        #expect(run.status == 64)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("Usage: walctl"), "\(run.errors)")
    }

    @Test(arguments: [["--help"], ["decode", "--help"], ["help", "decode"]])
    func help(arguments: [String]) throws {
        let run = try FinishedProcess.run(Walctl.path, arguments)
        #expect(run.status == 0)
        #expect(run.text.contains("USAGE: walctl"))
        #expect(run.errors.isEmpty)
        if arguments.contains("decode") {
            for word in ["--wal-dir", "--start", "--end", "--format", "--stats", "--timeline", "jsonl"] {
                #expect(run.text.contains(word), "\(word)")
            }
        }
    }
}
