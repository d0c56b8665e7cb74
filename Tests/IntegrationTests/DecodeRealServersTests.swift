import PostgresHarness
import PostgresWAL
import Testing
import WALFiles

/// Every record of real servers' WAL, compared with what `pg_waldump` of the same version says of it.
@Suite(.serialized)
struct DecodeRealServersTests {
    @Test("every record of the workload is as pg_waldump has it", arguments: PostgresInstallation.majors)
    func workload(major: Int) throws {
        let outcome = try Workload.shared(major: major)
        let directory = try WALDirectory(path: outcome.walDirectory)
        #expect(directory.version.rawValue == major)
        #expect(directory.segmentSize == .standard)
        let told = try outcome.server.walDump.records(from: outcome.start, to: outcome.end)
        let walk = WALWalk(directory: directory, start: outcome.start, end: outcome.end)
        let comparison = try RecordComparison(of: walk, with: told)
        #expect(comparison.ending == .reached(outcome.end))
        #expect(comparison.end == outcome.end)
        // The crash in the middle of the workload may have hit a record that went over two pages.
        #expect(comparison.gaps == told.compactMap(\.lostRecord))
        #expect(comparison.count > 100_000)

        // Without an end to look for it is found all the same: the last segment's rest was never written.
        var last: LSN?
        let tail = try WALWalk(directory: directory, start: told[told.count - 10].lsn).run { record, _ in
            last = record.next
        }
        #expect(last == outcome.end)
        #expect(tail == .endOfWAL(outcome.end, .zeroed))
    }

    @Test(
        "segments of other sizes than 16 MB",
        arguments: [(major: 15, megabytes: 1), (major: 16, megabytes: 64)]
    )
    func segmentSizes(major: Int, megabytes: Int) throws {
        let option = "--wal-segsize=\(megabytes)"
        try PostgresServer.withPostgres(major: major, initdbOptions: [option]) { server in
            try fillSegments(of: server)
            try server.stop(.fast)
            let end = try server.endOfStoppedWAL()
            let told = try server.walDump.records(to: end)
            let directory = try WALDirectory(path: server.walDirectory)
            #expect(directory.segmentSize.bytes == UInt64(megabytes) << 20)
            #expect(end > directory.start + 2 * directory.segmentSize.bytes)
            let comparison = try RecordComparison(of: WALWalk(directory: directory), with: told)
            #expect(comparison.ending == .endOfWAL(end, .zeroed))
            #expect(comparison.gaps.isEmpty)
            #expect(told.count { $0.resourceManager == "XLOG" && $0.operation == "SWITCH" } == 2)
        }
    }

    /// Writes some megabytes in small and in long records, and leaves two segments early.
    private func fillSegments(of server: PostgresServer) throws {
        try server.psql(
            """
            create table rows as select g, repeat('r', g % 300) from generate_series(1, 20000) g;
            select pg_switch_wal() is not null;
            create index on rows (g);
            select pg_logical_emit_message(false, 'long', repeat('long', 1000000)) is not null;
            update rows set g = -g where g % 3 = 0;
            select pg_switch_wal() is not null;
            create table more as table rows;
            """
        )
    }
}
