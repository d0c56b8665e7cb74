import Foundation
import PostgresHarness
import PostgresWAL
import Testing

@Suite(.serialized)
struct PostgresServerTests {
    @Test("a server starts, answers, stops and leaves nothing", arguments: PostgresInstallation.majors)
    func life(major: Int) throws {
        let server = try PostgresServer(major: major, settings: ["work_mem": "1MB"])
        try server.start()
        #expect(try server.psql("show server_version_num").hasPrefix("\(major)"))
        #expect(try server.psql("show listen_addresses; show work_mem") == "\n1MB")
        #expect(throws: HarnessError.self) { try server.psql("select 1 from nowhere") }

        let pid = try #require(server.processID)
        try server.stop()
        #expect(server.processID == nil)
        #expect(!FileManager.default.fileExists(atPath: "/proc/\(pid)"))
        try server.start()
        server.remove()
        #expect(!FileManager.default.fileExists(atPath: server.folder))
    }

    @Test("what was committed survives being killed")
    func killed() async throws {
        try await PostgresServer.withPostgres(major: 17) { server in
            try server.psql("create table kept as select 1 as a")
            let open = try PsqlSession(server)
            try open.run("begin; insert into kept values (2)")
            await Task.yield()
            server.killNow()
            try server.start()
            #expect(try server.psql("select * from kept") == "1")
        }
    }

    @Test("sessions stay, and one waits for another")
    func sessions() throws {
        try PostgresServer.withPostgres(major: 16) { server in
            try server.psql("create table shared as select 1 as a")
            let first = try PsqlSession(server)
            let second = try PsqlSession(server)
            try first.run("begin; lock table shared")
            try second.begin("select a + 1 from shared")
            #expect(throws: HarnessError.self) { try second.finish(within: .milliseconds(300)) }
            try first.run("commit")
            #expect(try second.finish() == "2\n")
            #expect(try second.run("select nothing").contains("ERROR"))
        }
    }

    @Test("settings change by reload; segments can be small")
    func configuration() throws {
        try PostgresServer.withPostgres(major: 15, initdbOptions: ["--wal-segsize=1"]) { server in
            try server.configure(["work_mem": "2MB", "wal_compression": "it's no method"])
            try server.configure(["wal_compression": nil])
            try server.reload()
            #expect(try server.psql("show work_mem; show wal_segment_size") == "2MB\n1MB")
            try server.psql("create table filler as select g, repeat('f', 100) from generate_series(1, 30000) g")
            try server.stop()
            let end = try server.endOfStoppedWAL()
            let records = try server.walDump.records(to: end)
            #expect(try server.walDump.end(of: #require(records.last)) == end)
            #expect(zip(records, records.dropFirst()).allSatisfy { $0.lsn == $1.previous })
        }
    }

    @Test("a base backup is taken over the socket", arguments: PostgresInstallation.majors)
    func baseBackup(major: Int) throws {
        try PostgresServer.withPostgres(major: major) { server in
            let target = "\(server.folder)/backup"
            try server.run("pg_basebackup", ["--pgdata=\(target)", "--wal-method=stream", "--checkpoint=fast"])
            #expect(FileManager.default.fileExists(atPath: "\(target)/backup_label"))
        }
    }

    @Test("a version that is not there says what to do")
    func missing() {
        #expect { try PostgresInstallation.find(major: 9) } throws: { error in
            "\(error)".contains("make setup")
        }
    }
}
