import TestFixtures
import Testing

/// What another implementation sends of the golden WAL, read in the same chunks: `Tests/Fixtures/batches`.
@Suite("walctl batches")
struct BatchesTests {
    static let golden = GoldenInterpretation.all(in: "batches")

    /// A row of either table.
    struct Row: Equatable {
        var messages: Int
        var records: Int
        var protobuf: Int
        var zstd: Int
        var hash: String?
    }

    @Test("There are files of all layouts")
    func layouts() {
        #expect(Self.golden.count == 9)
    }

    @Test("Messages, records and bytes are the same; compressed within a hundredth", arguments: golden)
    func batches(golden: GoldenInterpretation) throws {
        let run = try golden.run("batches", "--sha256")
        #expect(run.status == 0, "\(run.errors)")
        let lines = run.text.split(separator: "\n")
        let expected = try fixtureText("batches/\(golden.name).txt").split(separator: "\n")
        // raw WAL: 14154368 bytes, 58342 records, 108 chunks; compressed as it is: 3235410 bytes (0.2286)
        let raw = numbers(in: lines[0])
        #expect(raw.prefix(3) == numbers(in: expected[1]).prefix(3))
        #expect(isClose(raw[3], numbers(in: expected[expected.count - 1])[1]))
        let rows = lines.dropFirst(2).compactMap(row)
        let expectedRows = expected.compactMap(expectedRow)
        #expect(rows.count == max(golden.shardCount, 1) && rows.count == expectedRows.count)
        for (row, expected) in zip(rows, expectedRows) {
            var exact = row
            exact.zstd = expected.zstd
            #expect(exact == expected)
        }
        #expect(isClose(rows.map(\.zstd).reduce(0, +), expectedRows.map(\.zstd).reduce(0, +)))
    }

    @Test("A higher level compresses the same messages better")
    func level() throws {
        let golden = try #require(GoldenInterpretation("pg16-shards4-stripe8"))
        let rows = try ["1", "6"].map { level in
            try golden.run("batches", "--sha256", "--level", level).text.split(separator: "\n").dropFirst(2)
                .compactMap(row)
        }
        for (plain, better) in zip(rows[0], rows[1]) {
            #expect(better.hash == plain.hash)
            #expect(better.zstd < plain.zstd)
        }
    }

    private func isClose(_ found: Int, _ expected: Int) -> Bool {
        abs(found - expected) * 100 <= expected
    }

    private func numbers(in line: Substring) -> [Int] {
        line.split { !$0.isWholeNumber }.compactMap { Int($0) }
    }

    // `0104         108      20358      6677468  0.4718      1044241  0.0738  51f4…`
    private func row(_ line: Substring) -> Row? {
        let fields = line.split(separator: " ")
        guard fields.count == 8, let messages = Int(fields[1]), let records = Int(fields[2]),
            let protobuf = Int(fields[3]), let zstd = Int(fields[5])
        else { return nil }
        return Row(messages: messages, records: records, protobuf: protobuf, zstd: zstd, hash: String(fields[7]))
    }

    // `shard 1 messages 108 records 20358 protobuf 6677468 ratio 0.4718 zstd1 1044241 ratio 0.0738 sha256(protobuf) 51f4…`
    private func expectedRow(_ line: Substring) -> Row? {
        let fields = line.split(separator: " ")
        guard fields.count == 16, fields[0] == "shard", let messages = Int(fields[3]), let records = Int(fields[5]),
            let protobuf = Int(fields[7]), let zstd = Int(fields[11])
        else { return nil }
        return Row(messages: messages, records: records, protobuf: protobuf, zstd: zstd, hash: String(fields[15]))
    }
}
