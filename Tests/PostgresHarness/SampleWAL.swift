import Foundation
package import PostgresWAL

/// WAL for benches: made once by PostgreSQL 15 and kept in the cache, `<cache>/samples/<name>-v<n>/`.
///
/// The folder holds the segments and a file `meta` with the lines `version`, `start` and `end`.
package struct SampleWAL: Sendable {
    /// The folder with the segment files.
    package let directory: String
    /// The first record.
    package let start: LSN
    /// The end of the last record.
    package let end: LSN

    /// The major version that wrote it.
    package static let major = 15

    /// Raised when what the builders make changes, so that nobody measures old samples.
    private static let revision = 1

    /// Small records and nothing else: single-row inserts into a table of two integers, no full-page images, 63 bytes
    /// of WAL each (64 with the alignment).
    package static func bulkInsert(megabytes: Int = 300) throws -> SampleWAL {
        try cached("bulk-insert-\(megabytes)") { server in
            try server.psql("create table pairs (a int, b int)")
        } load: { server, _ in
            let rows = megabytes * 1_000_000 / 64
            try server.psql("insert into pairs select g, g from generate_series(1, \(rows)) g")
        }
    }

    /// Mostly full-page images: pgbench's own transactions while one checkpoint follows another.
    package static func pgbench(megabytes: Int = 160) throws -> SampleWAL {
        try cached("pgbench-\(megabytes)", settings: ["full_page_writes": "on"]) { server in
            try server.run("pgbench", ["--initialize", "--init-steps=dtGvp", "--quiet", "--scale=15", "postgres"])
        } load: { server, start in
            let load = try server.start(
                "pgbench",
                ["--client=4", "--time=300", "--no-vacuum", "--random-seed=1", "postgres"]
            )
            while try server.currentWALFlushLSN() < start + UInt64(megabytes) * 1_000_000 {
                guard load.exitStatus() == nil else { throw HarnessError("pgbench ended too soon") }
                try server.psql("checkpoint")
                usleep(500_000)
            }
            load.signal(SIGTERM)
            load.wait()
        }
    }

    /// `pg_waldump` of the right version on it.
    package func walDump() throws -> WALDump {
        WALDump(installation: try PostgresInstallation.find(major: SampleWAL.major), directory: directory)
    }

    // MARK: - Making and keeping

    /// Gives the sample in the cache, or makes it: what `prepare` writes stays out of it, what `load` writes from a
    /// segment's start on is the sample.
    private static func cached(
        _ name: String,
        settings: [String: String] = [:],
        prepare: (PostgresServer) throws -> Void,
        load: (PostgresServer, LSN) throws -> Void
    ) throws -> SampleWAL {
        let folder = "\(PostgresInstallation.cache)/samples/\(name)-v\(revision)"
        if let sample = SampleWAL(folder) { return sample }

        let settings = ["checkpoint_timeout": "1h", "full_page_writes": "off"].merging(settings) { $1 }
        return try PostgresServer.withPostgres(major: major, settings: settings) { server in
            try prepare(server)
            try server.psql("checkpoint; select pg_switch_wal()")
            let start = try server.currentWALFlushLSN()
            try load(server, start)
            try server.stop(.fast)
            try keep(server, from: start, in: folder)
            guard let sample = SampleWAL(folder) else { throw HarnessError("\(folder) is not readable") }
            return sample
        }
    }

    /// Reads a folder that ``keep(_:from:in:)`` made.
    private init?(_ folder: String) {
        var values: [Substring: Substring] = [:]
        for line in readFile("\(folder)/meta").split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2 { values[words[0]] = words[1] }
        }
        guard let start = values["start"].flatMap({ LSN(String($0)) }),
            let end = values["end"].flatMap({ LSN(String($0)) })
        else { return nil }
        self.directory = folder
        self.start = start
        self.end = end
    }

    /// Copies the segments after the forced switch that ended before `start`; the folder appears complete or not at
    /// all.
    private static func keep(_ server: PostgresServer, from start: LSN, in folder: String) throws {
        let files = FileManager.default
        let building = "\(folder).\(ProcessInfo.processInfo.processIdentifier)"
        deleteTree(building)
        defer { deleteTree(building) }
        do {
            try files.createDirectory(atPath: building, withIntermediateDirectories: true)
        } catch {
            throw HarnessError("could not make \(building), run `make setup`: \(error)")
        }
        let dump = server.walDump
        let segments = try WALSegments(server.walDirectory)
        let end = try server.endOfStoppedWAL()
        let first = segments.name(of: start + (segments.size - 1))
        let last = segments.name(of: end - 1)
        for name in segments.names where first <= name && name <= last {
            let path = "\(building)/\(name)"
            try files.copyItem(atPath: "\(server.walDirectory)/\(name)", toPath: path)
            try files.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        }
        let record = try WALDump(installation: dump.installation, directory: building).firstRecord()
        try writeFile("version \(major)\nstart \(record)\nend \(end)\n", to: "\(building)/meta")
        // Somebody else may have been quicker; theirs is as good.
        if rename(building, folder) != 0 && SampleWAL(folder) == nil {
            throw HarnessError.systemCall("could not make \(folder)", code: errno)
        }
    }
}
