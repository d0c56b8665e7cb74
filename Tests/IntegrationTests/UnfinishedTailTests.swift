import Foundation
import PostgresHarness
import PostgresWAL
import Testing
import WALFiles

/// Ends of WAL that a crash leaves only now and then, made by hand from a real server's WAL.
///
/// Sessions insert side by side: when the last page is written out, a record in it may have no bytes yet, or only its
/// first ones, with a whole record behind it. The same on any other page is damage.
@Suite(.serialized)
struct UnfinishedTailTests {
    @Test("a record of the last page that was not inserted yet is the end")
    func unfinishedRecord() throws {
        try withStoppedServer { server, told in
            let segments = try WALSegments(server.walDirectory)
            let victim = told[told.count - 3]
            let end = try server.walDump.end(of: victim)
            try #require(victim.lsn.pageStart == (try server.walDump.end(of: told[told.count - 1])).pageStart)
            // Its end first, then all of it.
            for start in [victim.lsn + 26, victim.lsn] {
                try segments.erase(start..<end, in: server.walDirectory)
                let rest = try server.walDump.records()
                #expect(rest.last?.lsn == victim.previous)
                let walk = WALWalk(directory: try WALDirectory(path: server.walDirectory))
                let comparison = try RecordComparison(of: walk, with: rest)
                #expect(comparison.ending == .brokenRecord(victim.lsn))
            }
            try server.start()
        }
    }

    @Test("a record that is missing on an earlier page is damage")
    func missingRecord() throws {
        try withStoppedServer { server, told in
            let last = try #require(told.last).lsn
            let victim = try #require(told.last { $0.lsn.pageStart < last.pageStart && $0.lsn.remainingInPage > 4000 })
            let segments = try WALSegments(server.walDirectory)
            try segments.erase(victim.lsn..<(victim.lsn + 24), in: server.walDirectory)
            let error = #expect(throws: WALDecodeError.self) {
                try WALWalk(directory: WALDirectory(path: server.walDirectory)).run { _, _ in }
            }
            #expect(error?.lsn == victim.lsn)
            #expect(error?.condition == .corrupt)
        }
    }

    @Test("a segment that was not made yet is the end, whatever files wait for later")
    func missingLastSegment() throws {
        try withStoppedServer { server, told in
            let segments = try WALSegments(server.walDirectory)
            let last = try #require(told.last).lsn
            let start = LSN(last.rawValue - last.rawValue % segments.size)
            try #require(segments.last > segments.name(of: last))
            try FileManager.default.removeItem(atPath: "\(server.walDirectory)/\(segments.name(of: last))")

            let whole = try told.filter { try server.walDump.end(of: $0) <= start }
            let walk = WALWalk(directory: try WALDirectory(path: server.walDirectory))
            let comparison = try RecordComparison(of: walk, with: whole)
            guard case .endOfFile(let end) = comparison.ending else {
                Issue.record("the walk came to \(comparison.ending)")
                return
            }
            #expect(end == comparison.end)
        }
    }

    @Test("missing segments with newer WAL behind them are an error", arguments: [1, 3])
    func missingSegments(count: UInt64) throws {
        try withStoppedServer(rows: 30000) { server, told in
            let segments = try WALSegments(server.walDirectory)
            let last = try #require(told.last).lsn
            let end = LSN(last.rawValue - last.rawValue % segments.size)
            let start = end - count * segments.size
            try #require(start > told[0].lsn)
            for number in 0..<count {
                let name = segments.name(of: start + number * segments.size)
                try FileManager.default.removeItem(atPath: "\(server.walDirectory)/\(name)")
            }
            let name = segments.name(of: start)
            #expect(throws: WALFileError.missingSegment(lsn: start, timelineID: 1, name: name)) {
                try WALWalk(directory: WALDirectory(path: server.walDirectory)).run { _, _ in }
            }
        }
    }

    /// Runs `body` with a stopped server that has some MiB of WAL to recover, and the records in its files.
    private func withStoppedServer(
        rows: Int = 15000,
        _ body: (PostgresServer, [WALDump.Record]) throws -> Void
    ) throws {
        try PostgresServer.withRecycledSegments(major: 17) { server in
            try server.psql("insert into loaded select g, repeat('l', 100) from generate_series(1, \(rows)) g")
            try server.psql("insert into loaded select g, 'end' from generate_series(1, 20) g")
            try server.stop(.immediate)
            try body(server, server.walDump.records())
        }
    }
}
