import Glibc
import PostgresHarness
import PostgresWAL
import TestFixtures
import Testing
import WALFiles

/// Where the WAL of a server ends that had no time to end it, in segment files that were in use before.
@Suite(.serialized)
struct CrashTailTests {
    @Test("a killed server's WAL ends where pg_waldump ends", arguments: PostgresInstallation.majors)
    func killed(major: Int) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        try PostgresServer.withRecycledSegments(major: major) { server in
            // The last record ends with its page: what stands behind it is not even zeros.
            let end = try fillPage(server)
            server.killNow()
            let comparison = try compareToTheEnd(server, "PostgreSQL \(major)")
            #expect(comparison.ending == .endOfWAL(end, .stale))
            #expect(comparison.end == end)
            try server.start()

            for round in 1...5 {
                let sessions = try (1...3).map { _ in
                    try server.startPsql(load(seed: Int.random(in: 0...999, using: &generator)))
                }
                usleep(UInt32.random(in: 30_000...200_000, using: &generator))
                if Bool.random(using: &generator) { server.killNow() } else { try server.stop(.immediate) }
                for session in sessions { session.wait() }
                _ = try compareToTheEnd(server, "PostgreSQL \(major), round \(round), seed \(seed)")
                try server.start()
            }
        }
    }

    // MARK: - The server

    /// Short transactions without end, among them records of many pages.
    private func load(seed: Int) -> String {
        """
        select setseed(\(seed) / 1000.0);
        do $$
        begin
            for i in 1..10000000 loop
                insert into loaded select g, repeat('x', (random() * 500)::int) from generate_series(1, 5) g;
                if random() < 0.2 then
                    perform pg_logical_emit_message(false, 'load', repeat('m', (random() * 50000)::int));
                end if;
                commit;
            end loop;
        end $$
        """
    }

    /// Has the last record end with its page, written to the file and nothing behind it; gives that page's end.
    private func fillPage(_ server: PostgresServer) throws -> LSN {
        for _ in 1...20 {
            let text = try server.psql(
                """
                select pg_current_wal_insert_lsn() as start \\gset
                select 8192 - ((:'start'::pg_lsn - '0/0') % 8192)::int as rest \\gset
                select :rest between 400 and 8000 as fits \\gset
                \\if :fits
                -- What the record has besides the message: its header, a header for long main data, the message's own.
                select pg_logical_emit_message(false, 'p', repeat('m', :rest - 24 - 5 - 24 - 2)) \\gset
                select pg_current_wal_insert_lsn();
                \\else
                select pg_logical_emit_message(false, 'p', repeat('m', 1000)) \\gset
                \\endif
                """
            )
            guard let end = LSN(text), end.pageOffset <= WALPage.longHeaderSize else { continue }
            while try server.currentWALFlushLSN() < end.pageStart { usleep(2_000) }
            return end.pageStart
        }
        throw HarnessError("other sessions always wrote in between")
    }

    // MARK: - Its WAL

    /// Compares all records that recovery would read with `pg_waldump`'s, and the end with where it gives up.
    ///
    /// What stands before the last checkpoint may have gaps: old segments are recycled in any order.
    private func compareToTheEnd(_ server: PostgresServer, _ context: Comment) throws -> RecordComparison {
        let text = try server.controlData("Latest checkpoint's REDO location")
        let start = try #require(LSN(text), context)
        let dump = server.walDump
        let directory = try WALDirectory(path: server.walDirectory)
        let told = try dump.records(from: start)
        let comparison = try RecordComparison(of: WALWalk(directory: directory, start: start), with: told)
        let end: LSN
        switch comparison.ending {
        case .endOfWAL(let position, let condition):
            #expect(condition.isEndOfWAL, context)
            #expect(try dump.lastRecordNamed(from: start) == told.last?.lsn, context)
            end = position
        case .brokenRecord(let position):
            #expect(try dump.lastRecordNamed(from: start) == told.last?.lsn, context)
            end = position
        case .endOfFile(let position):
            // The server had no segment to go on with yet: the tool tells nothing of the record behind it.
            #expect(try dump.lastRecordNamed(from: start) == nil, context)
            end = position
        case .reached(let position):
            throw HarnessError("\(context): nobody asked for an end at \(position)")
        }
        let size = directory.segmentSize
        #expect(end.behindPageHeader(size) == comparison.end.behindPageHeader(size), context)
        return comparison
    }
}
