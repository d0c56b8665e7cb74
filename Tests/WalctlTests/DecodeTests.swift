import Foundation
import PostgresWAL
import TestFixtures
import Testing

@Suite("walctl decode")
struct DecodeTests {
    @Test("Text is pg_waldump's, but for the details", arguments: GoldenWAL.stock + GoldenWAL.neon)
    func text(name: String) throws {
        let golden = try GoldenWAL.load(name)
        let run = try Walctl.decode(golden.path, "--start", golden.start.description)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.contains("end of WAL at"))
        let ours = run.lines
        let theirs = try Waldump.run(golden.version, ["-p", golden.path, "-s", golden.start.description]).lines
        #expect(ours.count == theirs.count)
        // The operation's details are left out: a line of ours is a start and an end of theirs.
        let mismatch = zip(ours, theirs).first { ours, theirs in
            let cut = blocksStart(ours)
            let isSame =
                theirs.starts(with: ours[..<cut]) && theirs[blocksStart(theirs)...] == ours[cut...]
            return !isSame
        }
        if let mismatch {
            Issue.record(
                "ours '\(String(decoding: mismatch.0, as: UTF8.self))' theirs '\(String(decoding: mismatch.1, as: UTF8.self))'"
            )
        }
    }

    /// Where a line's block references begin.
    private func blocksStart(_ line: ArraySlice<UInt8>) -> Int {
        let mark = Array(", blkref #".utf8)
        return line.indices.first { line[$0] == mark[0] && line[$0...].starts(with: mark) } ?? line.endIndex
    }

    @Test("Statistics are pg_waldump's to the byte", arguments: GoldenWAL.stock)
    func statistics(name: String) throws {
        let golden = try GoldenWAL.load(name)
        let range = ["--start", golden.start.description, "--end", golden.end.description]
        let run = try Walctl.decode(golden.path, range[0], range[1], range[2], range[3], "--stats")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.isEmpty)
        let theirs = try Waldump.run(
            golden.version,
            ["-p", golden.path, "-s", range[1], "-e", range[3], "--stats"]
        )
        #expect(theirs.status == 0, "\(theirs.errors)")
        #expect(run.text == theirs.text)
    }

    @Test("Statistics up to the end of the WAL")
    func statisticsToTheEnd() throws {
        let golden = try GoldenWAL.load("pg15")
        let run = try Walctl.decode(golden.path, "--stats")
        #expect(run.status == 0, "\(run.errors)")
        let theirs = try Waldump.run(.v15, ["-p", golden.path, "-s", "0/1000000", "--stats"])
        // Their first line is about the record that the start lies in, if any; the table begins with the next.
        #expect(run.text == theirs.text.drop(upTo: "WAL statistics"))
    }

    @Test("Neon's resource manager is counted under its number")
    func statisticsOfNeon() throws {
        let golden = try GoldenWAL.load("pg16-neon")
        let run = try Walctl.decode(golden.path, "--start", golden.start.description, "--stats")
        #expect(run.status == 0)
        let row = try #require(run.text.split(separator: "\n").first { $0.hasPrefix("custom134") })
        #expect(row.split(separator: " ")[1] == "20084")
    }

    struct Object: Decodable {
        struct Block: Decodable {
            var id: UInt8
            var spc: UInt32
            var db: UInt32
            var rel: UInt32
            var fork: UInt8
            var block: UInt32
            var image: Bool
            var apply: Bool
        }

        var lsn: String
        var end: String
        var prev: String
        var rmgr: String
        var info: UInt8
        var length: Int
        var xid: UInt32
        var blocks: [Block]
    }

    @Test("JSON lines", arguments: GoldenWAL.stock)
    func jsonLines(name: String) throws {
        let golden = try GoldenWAL.load(name)
        let run = try Walctl.decode(
            golden.path,
            "--start",
            golden.start.description,
            "--end",
            golden.end.description,
            "--format",
            "jsonl"
        )
        #expect(run.status == 0, "\(run.errors)")
        let theirs = WaldumpLine.parse(
            try Waldump.run(
                golden.version,
                ["-p", golden.path, "-s", golden.start.description, "-e", golden.end.description]
            ).output
        )
        #expect(run.lines.count == theirs.count)
        let decoder = JSONDecoder()
        let forks = ["main", "fsm", "vm", "init"]
        for (index, line) in run.lines.enumerated() {
            let object = try decoder.decode(Object.self, from: Data(line))
            let other = theirs[index]
            let blocks = object.blocks.map {
                WaldumpLine.Block(
                    id: $0.id,
                    relation: "\($0.spc)/\($0.db)/\($0.rel)",
                    fork: forks[Int($0.fork)],
                    block: $0.block,
                    image: !$0.image ? .none : $0.apply ? .applied : .forVerification
                )
            }
            let isSame =
                object.lsn == other.start.description && object.prev == other.previous.description
                && object.rmgr == other.resourceManager && object.length == other.length
                && object.xid == other.transactionID && blocks == other.blocks
            if !isSame {
                Issue.record("ours \(object), theirs \(other)")
                return
            }
            // Behind a switch the next record starts the next segment; at a page's start a header comes first.
            if index + 1 < theirs.count, object.end != theirs[index + 1].start.description {
                let next = theirs[index + 1].start
                let headerSize: UInt64 = next.rawValue & 0xFF_FFFF == 40 ? 40 : 24
                #expect(object.end == (next - headerSize).description)
            }
        }
    }

    @Test("Every line is one JSON object for other readers too")
    func jsonSerialization() throws {
        let golden = try GoldenWAL.load("pg17-neon")
        let run = try Walctl.decode(golden.path, "--start", "0/2100000", "--format", "jsonl")
        #expect(run.lines.count > 1000)
        for line in run.lines {
            let object = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any]
            #expect(object?.keys.count == 8)
        }
    }
}

extension String {
    /// What is left from the first occurrence of `mark` on.
    func drop(upTo mark: String) -> String {
        range(of: mark).map { String(self[$0.lowerBound...]) } ?? self
    }
}
