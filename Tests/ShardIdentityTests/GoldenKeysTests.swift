import Foundation
import ShardIdentity
import Testing

/// `Fixtures/keys.txt`: keys with their compact forms and their shards under 60 layouts, from another implementation.
@Suite("Golden keys")
struct GoldenKeysTests {
    struct Layout {
        var name: Substring
        var count: ShardCount
        var stripeSize: ShardStripeSize
    }

    let layouts: [Layout]
    let rows: [[Substring]]

    init() throws {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/keys", withExtension: "txt"))
        let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n")
        let names = try #require(lines.first).split(separator: " ").filter {
            $0.first?.isNumber == true && $0.contains("/")
        }
        layouts = try names.map { name in
            let parts = name.split(separator: "/")
            return Layout(
                name: name,
                count: ShardCount(try #require(UInt8(parts[0]))),
                stripeSize: try ShardStripeSize(pages: try #require(UInt32(parts[1])))
            )
        }
        rows = lines.dropFirst().map { $0.split(separator: " ") }
    }

    @Test func nothingIsMissing() {
        #expect(layouts.count == 60)
        #expect(rows.count == 1563)
        #expect(rows.allSatisfy { $0.count == 62 })
    }

    @Test func forms() throws {
        for row in rows {
            let key = try #require(Key(String(row[0])))
            #expect(key.description == row[0])
            let compact = try #require(CompactKey(key))
            #expect(compact.description == row[1])
            #expect(CompactKey(String(row[1])) == compact)
            #expect(Key(compact) == key)
        }
    }

    @Test func shards() throws {
        var wrong: [String] = []
        for row in rows {
            let key = try #require(Key(String(row[0])))
            for (layout, cell) in zip(layouts, row.dropFirst(2)) {
                let expected = ShardNumber(try #require(UInt8(cell)))
                let owner = ShardIdentity.shardNumber(of: key, count: layout.count, stripeSize: layout.stripeSize)
                if owner != expected { wrong.append("\(key) under \(layout.name): \(owner) instead of \(expected)") }

                let index = try ShardIndex(number: expected, count: layout.count)
                let identity = ShardIdentity(index: index, stripeSize: layout.stripeSize)
                if !identity.isLocal(key) { wrong.append("\(key) under \(layout.name): not local to \(expected)") }
            }
        }
        #expect(wrong.isEmpty, "\(wrong.count) wrong: \(wrong.prefix(10))")
    }
}
