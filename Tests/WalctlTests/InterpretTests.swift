import Foundation
import PostgresWAL
import TestFixtures
import Testing

/// What another implementation makes of the golden WAL, in `Tests/Fixtures/interpreted`.
///
/// For each shard the number of records, their bytes and the SHA-256 of its lines; and in `lines.tar.zst` the lines of
/// the first 200 records.
@Suite("walctl interpret")
struct InterpretTests {
    static let golden = GoldenInterpretation.all(in: "interpreted")

    @Test("There are digests of all layouts")
    func layouts() {
        #expect(Self.golden.count == 8)
    }

    @Test("Every byte for every shard", arguments: golden)
    func digest(golden: GoldenInterpretation) throws {
        let run = try golden.run("interpret", "--format", "digest")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.text == (try fixtureText("interpreted/\(golden.name).txt")))
    }

    @Test("The lines of the first records", arguments: golden)
    func lines(golden: GoldenInterpretation) throws {
        let expected = try fileBytes(try Self.linesFolder.get() + "/\(golden.name).lines").split(separator: newLine)
        // The range ends where the record after the last of the file begins.
        let last = try #require(expected.last)
        let end = String(decoding: last.split(separator: UInt8(ascii: " "))[1], as: UTF8.self)
        let run = try golden.run("interpret", upTo: end, "--format", "lines")
        #expect(run.status == 0, "\(run.errors)")
        let lines = run.lines
        #expect(lines.count == expected.count)
        let mismatch = zip(lines, expected).first { $0 != $1 }
        if let mismatch {
            Issue.record(
                "\(String(decoding: mismatch.0, as: UTF8.self)) is not \(String(decoding: mismatch.1, as: UTF8.self))"
            )
        }
    }

    @Test("One shard alone gets the same as among others")
    func oneShard() throws {
        let golden = try #require(GoldenInterpretation("pg16-shards4-stripe8"))
        let expected = try fixtureText("interpreted/\(golden.name).txt").split(separator: "\n")
        for (number, line) in expected.enumerated() {
            let run = try golden.run("interpret", "--format", "digest", "--shard", "\(number)")
            #expect(run.text.split(separator: "\n") == [line])
        }
    }

    @Test("JSON tells the same records in words")
    func json() throws {
        let golden = try #require(GoldenInterpretation("pg16-shards4-stripe8"))
        // Most kinds of records are in the second half.
        let wal = try GoldenWAL.load(golden.wal)
        let middle = LSN((wal.start.rawValue + wal.end.rawValue) / 2).description
        let lines = try golden.run("interpret", "--start", middle).lines
        let run = try golden.run("interpret", "--start", middle, "--format", "json")
        #expect(run.status == 0, "\(run.errors)")
        let objects = try run.lines.map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
        }
        #expect(objects.count == lines.count)
        for (object, line) in zip(objects, lines) {
            // 0/1511B38 0/1511B98 0104 …
            let fields = line.split(separator: UInt8(ascii: " ")).prefix(3).map { String(decoding: $0, as: UTF8.self) }
            guard ["lsn", "next", "shard"].map({ object[$0] as? String }) == fields, object["xid"] is Int,
                object["flush_uncommitted"] is Bool
            else {
                Issue.record("\(fields): \(object)")
                break
            }
        }
        checkValues(objects.flatMap { $0["values"] as? [[String: Any]] ?? [] })
        try checkMetadata(objects)
        #expect(objects.contains { $0["flush_uncommitted"] as? Bool == true })
    }

    private func checkValues(_ values: [[String: Any]]) {
        #expect(Set(values.compactMap { $0["kind"] as? String }) == ["image", "record", "observed"])
        for value in values {
            let kind = value["kind"] as? String
            guard (value["key"] as? String)?.count == 36, value["block"] is Int, value["relation"] is String,
                (kind == "observed") == (value["length"] == nil),
                kind != "image" || value["will_init"] as? Bool == true && value["length"] as? Int == 8204
            else {
                Issue.record("\(value)")
                return
            }
        }
    }

    private func checkMetadata(_ objects: [[String: Any]]) throws {
        var examples: [String: [String: Any]] = [:]
        for object in objects {
            for (kind, operations) in object["metadata"] as? [String: [String: Any]] ?? [:] {
                for (operation, content) in operations {
                    examples["\(kind).\(operation)"] = content as? [String: Any] ?? [:]
                }
            }
        }
        let expected: Set = [
            "xlog.raw", "transaction.commit", "storageManager.create", "standby.runningTransactions", "database.create",
            "database.drop", "multiXact.create", "relationMap.update", "heap.clearVisibilityBits",
        ]
        #expect(expected.subtracting(examples.keys).isEmpty, "\(examples.keys.sorted())")
        let raw = try #require(examples["xlog.raw"])
        #expect(raw["info"] is Int && (raw["lsn"] as? String).flatMap { LSN($0) } != nil)
        #expect((raw["mainData"] as? String)?.allSatisfy(\.isHexDigit) == true)
        let commit = try #require(examples["transaction.commit"])
        #expect(commit["xid"] as? Int == commit["headerXID"] as? Int)
        #expect(commit["subtransactions"] is [Int] && commit["droppedRelations"] is [String])
        let bits = try #require(examples["heap.clearVisibilityBits"])
        #expect((bits["visibilityMap"] as? String)?.hasSuffix("_vm") == true)
        #expect(bits["newHeapBlock"] is Int || bits["oldHeapBlock"] is Int)
        #expect([2, 3].contains(bits["flags"] as? Int))
        #expect((examples["multiXact.create"]?["members"] as? [[String: Int]])?.first?.count == 2)
    }

    @Test("A layout that doesn't exist is refused", arguments: [["--stripe-size", "0"], ["--shard", "4"]])
    func badLayouts(options: [String]) throws {
        let golden = try GoldenWAL.load("pg16")
        let run = try FinishedProcess.run(
            Walctl.path,
            ["interpret", "--wal-dir", golden.path, "--shard-count", "4"] + options
        )
        #expect(run.status == 64)
        #expect(run.output.isEmpty && !run.errors.isEmpty)
    }

    private static let newLine = UInt8(ascii: "\n")
    private var newLine: UInt8 { Self.newLine }

    private static let linesFolder = Result {
        let folder = TemporaryFolder.ofProcess + "/lines"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let archive = fixturePath("interpreted/lines.tar.zst")
        let tar = try FinishedProcess.run(
            "/usr/bin/env",
            ["tar", "--zstd", "--no-same-owner", "-xf", archive, "-C", folder]
        )
        try #require(tar.status == 0, "\(tar.errors)")
        return folder
    }
}
