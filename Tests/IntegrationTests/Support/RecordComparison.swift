import PostgresHarness
import PostgresWAL
import WALFiles

/// The first record that our decoder and `pg_waldump` tell differently.
struct RecordDifference: Error, CustomStringConvertible {
    /// The record's number in the range.
    let index: Int
    let ours: RecordSummary?
    let told: WALDump.Record?

    var description: String {
        let ours = ours.map { "\($0)" } ?? "no record"
        let told = told.map { "\(RecordSummary($0))\n\($0.description)" } ?? "no record"
        return "record \(index) differs\nours:\n\(ours)\npg_waldump's:\n\(told)"
    }
}

/// How a walk that agreed with `pg_waldump` in every record went.
struct RecordComparison {
    private(set) var count = 0
    /// Where records were expected to start, as the ones before them said, but did not.
    private(set) var gaps: [LSN] = []
    private(set) var ending: WALWalk.Ending
    /// ``WALRecord/next`` of the last record.
    private(set) var end: LSN = .invalid

    /// Walks and compares.
    ///
    /// - Throws: ``RecordDifference``, and what the walk throws.
    init(of walk: WALWalk, with told: [WALDump.Record]) throws {
        let segmentSize = walk.directory.segmentSize
        var count = 0
        var gaps: [LSN] = []
        var end: LSN?
        ending = try walk.run { record, parsed in
            let ours = RecordSummary(record, parsed)
            guard count < told.count, ours == RecordSummary(told[count]) else {
                throw RecordDifference(index: count, ours: ours, told: count < told.count ? told[count] : nil)
            }
            let expected = end?.behindPageHeader(segmentSize) ?? record.start
            if record.start != expected { gaps.append(expected) }
            end = record.next
            count += 1
        }
        guard count == told.count else { throw RecordDifference(index: count, ours: nil, told: told[count]) }
        self.count = count
        self.gaps = gaps
        self.end = end ?? .invalid
    }
}

extension LSN {
    /// This position, or behind the page's header if it is a page's start: where a record there would begin.
    func behindPageHeader(_ segmentSize: WALSegmentSize) -> LSN {
        guard pageOffset == 0 else { return self }
        let size = segmentSize.isSegmentStart(self) ? WALPage.longHeaderSize : WALPage.shortHeaderSize
        return self + UInt64(size)
    }
}
