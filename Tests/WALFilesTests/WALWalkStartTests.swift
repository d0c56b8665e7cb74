import PostgresWAL
import TestFixtures
import Testing
import WALFiles

/// Where a walk begins, for every kind of start that a person may give.
@Suite struct WALWalkStartTests {
    private struct Enough: Error {}

    /// The starts of the first records from `start` on.
    private func starts(_ directory: WALDirectory, from start: LSN?, count: Int) throws -> [LSN] {
        var found: [LSN] = []
        do {
            _ = try WALWalk(directory: directory, start: start).run { record, _ in
                found.append(record.start)
                if found.count == count { throw Enough() }
            }
        } catch is Enough {}
        return found
    }

    @Test(arguments: GoldenWAL.stock)
    func aRecordsStartGivesThatRecord(name: String) throws {
        let directory = try WALDirectory(path: try GoldenWAL.load(name).path)
        // The first records of the first segment, and enough of them to cross page ends.
        let all = try starts(directory, from: nil, count: 1000)
        #expect(all.first == directory.start + UInt64(WALPage.longHeaderSize))
        #expect(Set(all.map(\.pageStart)).count > 10)
        for start in all { #expect(try starts(directory, from: start, count: 1) == [start]) }
    }

    @Test(arguments: GoldenWAL.stock)
    func anyOtherStartGivesTheNextRecord(name: String) throws {
        let directory = try WALDirectory(path: try GoldenWAL.load(name).path)
        let all = try starts(directory, from: nil, count: 400)
        for (record, next) in zip(all, all.dropFirst()) {
            for start in [record + 1, next - 1, LSN((record.rawValue + next.rawValue) / 2 + 1)] where start < next {
                #expect(try starts(directory, from: start, count: 1) == [next], "from \(start)")
            }
        }
    }

    @Test func pageStartsGiveTheFirstRecordThatBeginsThere() throws {
        let directory = try WALDirectory(path: try GoldenWAL.load("pg16").path)
        let all = try starts(directory, from: nil, count: 5000)
        var page = directory.start
        while let expected = all.first(where: { $0 >= page }) {
            #expect(try starts(directory, from: page, count: 1) == [expected], "from \(page)")
            page = page + UInt64(WALPage.size)
        }
    }
}
