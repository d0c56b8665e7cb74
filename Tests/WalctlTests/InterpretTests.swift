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

    @Test("JSON tells the same records in words", arguments: ["pg15-shards8-stripe8", "pg16-neon-shards4-stripe8"])
    func json(name: String) throws {
        let golden = try #require(GoldenInterpretation(name))
        let run = try golden.run("interpret", "--format", "json")
        #expect(run.status == 0, "\(run.errors)")
        let lines = run.lines
        // Each record of each shard is a line, as the digests count them.
        let counts = try fixtureText("interpreted/\(name).txt").split(separator: "\n").map { line in
            line.split(separator: " ")[1].split(separator: "=")[1]
        }
        #expect(lines.count == counts.compactMap { Int($0) }.reduce(0, +))
        var kinds: Set<String> = []
        var values: Set<String> = []
        for line in lines {
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
            let isComplete =
                (object["lsn"] as? String).flatMap { LSN($0) } != nil
                && (object["next"] as? String).flatMap { LSN($0) } != nil
                && object["xid"] is Int && object["flush_uncommitted"] is Bool
                && (object["shard"] as? String)?.count == 4
            #expect(isComplete)
            let metadata = object["metadata"] as? [String: [String: Any]] ?? [:]
            for (kind, content) in metadata { kinds.formUnion(content.keys.map { "\(kind).\($0)" }) }
            for value in object["values"] as? [[String: Any]] ?? [] {
                values.insert(value["kind"] as? String ?? "none")
            }
        }
        #expect(values == ["image", "record", "observed"])
        let expected: Set<String> = [
            "xlog.raw", "transaction.commit", "transaction.abort", "storageManager.create",
            "standby.runningTransactions",
            "database.create", "database.drop", "multiXact.create", "relationMap.update",
        ]
        #expect(expected.subtracting(kinds).isEmpty, "\(kinds.sorted())")
        #expect(kinds.contains("heap.clearVisibilityBits") || kinds.contains("neon.clearVisibilityBits"))
    }

    @Test("JSON of single records, field by field")
    func jsonFields() throws {
        let golden = try #require(GoldenInterpretation("pg16-shards0-stripe2048"))
        let objects = try golden.run("interpret", "--format", "json").lines.map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
        }
        let first: (String, String) throws -> [String: Any] = { kind, name in
            let found = objects.lazy.compactMap { ($0["metadata"] as? [String: [String: Any]])?[kind]?[name] }.first
            return try #require(found as? [String: Any])
        }
        let raw = try first("xlog", "raw")
        #expect(raw["info"] is Int && (raw["lsn"] as? String).flatMap { LSN($0) } != nil)
        #expect((raw["mainData"] as? String)?.allSatisfy(\.isHexDigit) == true)
        let commit = try first("transaction", "commit")
        #expect(commit["xid"] as? Int == commit["headerXID"] as? Int)
        #expect(commit["subtransactions"] is [Int] && commit["droppedRelations"] is [String])
        let bits = try first("heap", "clearVisibilityBits")
        #expect((bits["visibilityMap"] as? String)?.hasSuffix("_vm") == true)
        #expect(bits["newHeapBlock"] is Int || bits["oldHeapBlock"] is Int)
        #expect([2, 3].contains(bits["flags"] as? Int))
        #expect(try first("standby", "runningTransactions")["oldestRunningXID"] is Int)
        let values = objects.flatMap { $0["values"] as? [[String: Any]] ?? [] }
        #expect(values.allSatisfy { ($0["key"] as? String)?.count == 36 && $0["length"] is Int && $0["block"] is Int })
        #expect(values.allSatisfy { $0["kind"] as? String != "image" || $0["will_init"] as? Bool == true })
        #expect(objects.contains { $0["flush_uncommitted"] as? Bool == true })
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
