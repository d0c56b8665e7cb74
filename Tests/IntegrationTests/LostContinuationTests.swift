import PostgresHarness
import PostgresWAL
import Testing
import WALFiles

/// A record whose rest a crash took away, and what the restarted server wrote in its place.
@Suite(.serialized)
struct LostContinuationTests {
    /// From where on the record is lost.
    enum Cut: CaseIterable {
        /// A page in the middle of a segment.
        case page
        /// A segment's start.
        case segment
        /// A sector in the record's last page.
        case sector

        func position(in record: Range<LSN>, segmentSize: WALSegmentSize) -> LSN {
            switch self {
            case .page: record.lowerBound.pageStart + 5 * UInt64(WALPage.size)
            case .segment: segmentSize.segmentStart(of: record.upperBound)
            case .sector: LSN(record.upperBound.rawValue & ~511)
            }
        }
    }

    @Test("the decoder crosses the places of lost records", arguments: PostgresInstallation.majors)
    func lostRecords(major: Int) throws {
        try PostgresServer.withPostgres(major: major, initdbOptions: ["--wal-segsize=1"]) { server in
            var lost: [LSN] = []
            for cut in Cut.allCases {
                let record = try writeLongRecord(server)
                let directory = try WALDirectory(path: server.walDirectory)
                let position = cut.position(in: record, segmentSize: directory.segmentSize)
                try #require(record.contains(position))
                try WALSegments(server.walDirectory).erase(from: position, in: server.walDirectory)
                let told = try server.walDump.records()
                let tail = try RecordComparison(of: WALWalk(directory: directory), with: told)
                let endings = [WALWalk.Ending.endOfWAL(record.lowerBound, .torn), .brokenRecord(record.lowerBound)]
                #expect(endings.contains(tail.ending), "\(cut)")

                try server.start()
                lost.append(record.lowerBound)
                let notice = try server.walDump.records().last { $0.lostRecord != nil }
                #expect(notice?.lsn.pageStart == position.pageStart, "\(cut)")
                #expect(notice?.lostRecord == record.lowerBound, "\(cut)")
            }
            // Given an end on the page that the last lost record reached into, pg_waldump 16 stops before that record.
            try server.psql("create table after as select generate_series(1, 1000) as a")
            try server.stop(.fast)
            let end = try server.endOfStoppedWAL()
            let all = try server.walDump.records(to: end)
            let walk = WALWalk(directory: try WALDirectory(path: server.walDirectory))
            let comparison = try RecordComparison(of: walk, with: all)
            #expect(comparison.ending == .endOfWAL(end, .zeroed))
            #expect(comparison.gaps == lost)
        }
    }

    /// Writes a record of more than a segment, which is in the files when the server stops in a hurry; gives its range.
    private func writeLongRecord(_ server: PostgresServer) throws -> Range<LSN> {
        try server.psql(
            """
            begin;
            select pg_current_xact_id() is not null;
            select pg_logical_emit_message(false, 'long', repeat('long', 400000)) is not null;
            commit;
            """
        )
        try server.stop(.immediate)
        let dump = server.walDump
        guard let record = try dump.records().last(where: { $0.totalLength > 1_600_000 }) else {
            throw HarnessError("the long record was not written")
        }
        return record.lsn..<(try dump.end(of: record))
    }
}
