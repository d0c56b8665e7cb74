import Foundation
import NIOCore
import PostgresHarness
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity
import TestFixtures
import Testing

/// PostgreSQL's own programs, unmodified, as receivers of raw WAL.
@Suite("Stock clients", .timeLimit(.minutes(3))) struct StockClientTests {
    private func connection(to server: PortServer, _ id: TenantTimelineID) -> String {
        "host=127.0.0.1 port=\(server.address.port ?? 0) user=neon options='\(id.startupOptions)' sslmode=disable"
    }

    @Test("pg_receivewal writes the segments that the safekeeper has", arguments: PostgresInstallation.majors)
    func receivewal(major: Int) async throws {
        let stream = try InterpretedStream.generated(
            seed: 3,
            start: LSN(0x14E_E150),
            count: 6000,
            maximumLength: 3000,
            segmentSize: WALSegmentSize(bytes: 1 << 20) ?? .standard,
            shards: [.unsharded]
        )
        let fixture = try await StreamingTimeline(stream)
        let end = min(stream.records.last?.next ?? .invalid, stream.end)
        // It begins with the segment that holds the position that it is told.
        try await fixture.write(upTo: stream.records[10].next)
        let folder = try TemporaryFolder()
        let installation = try PostgresInstallation.find(major: major)
        try await withPort(of: fixture.safekeeper) { server in
            let options = [
                "--directory=\(folder.path)", "--dbname=\(connection(to: server, fixture.timeline.id))", "--no-loop",
                "--no-password", "--slot=some_slot",
            ]
            let created = try await blocking { try installation.attempt("pg_receivewal", options + ["--create-slot"]) }
            #expect(created.status == 0, "\(created.errors)")
            // It stops once it has more than it was told.
            async let received = blocking {
                try installation.attempt("pg_receivewal", options + ["--endpos=\(end - 1)", "--status-interval=1"])
            }
            try await eventually("it is connected") { fixture.timeline.streaming.senders.count == 1 }
            try await fixture.write(upTo: end)
            let result = try await received
            #expect(result.status == 0, "\(result.errors)")
        }
        let own = try await fixture.timeline.withState { $0.store.files.directory }
        var compared = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            let complete = name.replacingOccurrences(of: ".partial", with: "")
            let path = [complete, complete + ".partial"].map { own + "/" + $0 }
                .first { FileManager.default.fileExists(atPath: $0) }
            #expect(try fileBytes(folder.path(of: name)) == fileBytes(try #require(path)), "\(name)")
            compared += 1
        }
        #expect(compared >= 4)
    }

    @Test("Commands that stock clients send first", arguments: PostgresInstallation.majors)
    func commands(major: Int) async throws {
        let stream = try InterpretedStream.generated(
            seed: 3,
            start: LSN(0x14E_E150),
            count: 10,
            maximumLength: 300,
            shards: [.unsharded]
        )
        let fixture = try await StreamingTimeline(stream)
        let installation = try PostgresInstallation.find(major: major)
        try await withPort(of: fixture.safekeeper) { server in
            let arguments = ["-X", "-w", "-A", "-t", "-d", connection(to: server, fixture.timeline.id) + " dbname=x"]
            func psql(_ command: String) async throws -> (Int32, String, String) {
                let output = try await blocking { try installation.attempt("psql", arguments + ["-c", command]) }
                return (output.status, output.text, output.errors.trimmingCharacters(in: .whitespacesAndNewlines))
            }
            #expect(try await psql("SHOW wal_segment_size") == (0, "16MB", ""))
            #expect(try await psql("SHOW data_directory_mode") == (0, "0700", ""))
            #expect(try await psql("SHOW server_version") == (0, "14.1", ""))
            #expect(try await psql("CREATE_REPLICATION_SLOT \"a\" PHYSICAL RESERVE_WAL") == (0, "a|0/0||", ""))
            #expect(try await psql("READ_REPLICATION_SLOT a") == (0, "physical||", ""))
            let history = try await psql("TIMELINE_HISTORY 2")
            #expect(history.0 == 1 && history.2.contains("there is only timeline 1"))
            let unknown = try await psql("SHOW work_mem")
            #expect(unknown.0 == 1 && unknown.2.contains("unrecognized configuration parameter \"work_mem\""))
        }
    }

    @Test("A hot standby follows a safekeeper", arguments: PostgresInstallation.majors)
    func hotStandby(major: Int) async throws {
        let segmentSize = try #require(WALSegmentSize(bytes: 1 << 20))
        let primary = try await blocking { try PostgresServer(major: major, initdbOptions: ["--wal-segsize=1"]) }
        defer { primary.remove() }
        // The safekeeper's WAL begins with a segment; the standby has all before.
        let start = try await blocking {
            try primary.start()
            try primary.psql("create table t (i int); select pg_switch_wal()")
            try primary.stop()
            let checkpoint = try #require(LSN(try primary.controlData("Latest checkpoint location")))
            return segmentSize.segmentStart(of: checkpoint) + UInt64(WALPage.longHeaderSize)
        }
        let standby = try await blocking { try PostgresServer(major: major, initdbOptions: ["--wal-segsize=1"]) }
        defer { standby.remove() }
        let (end, identifier) = try await blocking {
            try copyData(of: primary, to: standby)
            try primary.start()
            try primary.psql("insert into t select generate_series(1, 20000); update t set i = i + 1; checkpoint")
            try primary.psql("insert into t values (-1)")
            try primary.stop()
            let identifier = try #require(UInt64(try primary.controlData("Database system identifier")))
            return (try primary.endOfStoppedWAL(), identifier)
        }
        let stream = try InterpretedStream(
            name: "primary",
            version: try #require(PostgresMajorVersion(rawValue: major)),
            segmentSize: segmentSize,
            start: start,
            bytes: try walBytes(in: primary.walDirectory, from: start, to: end, segmentSize),
            shards: [.unsharded]
        )
        let fixture = try await StreamingTimeline(stream, systemIdentifier: identifier)
        let middle = stream.records[stream.records.count / 2].next
        try await fixture.write(upTo: middle)
        try await withPort(of: fixture.safekeeper) { server in
            let conninfo = connection(to: server, fixture.timeline.id)
            try await blocking {
                try standby.configure([
                    "primary_conninfo": conninfo, "hot_standby": "on", "hot_standby_feedback": "on",
                    "wal_receiver_status_interval": "1",
                ])
                try Data().write(to: URL(fileURLWithPath: standby.dataDirectory + "/standby.signal"))
                try standby.start()
            }
            try await fixture.write(upTo: end)
            try await eventually("all is replayed") {
                let text = try await blocking { try standby.psql("select pg_last_wal_replay_lsn()") }
                return try #require(LSN(text)) >= end
            }
            let count = try await blocking { try standby.psql("select count(*), min(i) from t") }
            #expect(count == "20001|-1")
            try await eventually("the standby says what it has") {
                fixture.timeline.streaming.senders.standbys.slowestApply >= end
            }
            try await blocking { try standby.stop() }
            try await eventually("it has gone") { fixture.timeline.streaming.senders.count == 0 }
        }
        try await receiveAndCompare(stream, of: identifier, with: primary)
    }

    /// Lets `pg_receivewal` write the segments, and compares them with those of the server that the WAL is from, byte for
    /// byte: all but what lies before the timeline's start.
    private func receiveAndCompare(
        _ stream: InterpretedStream,
        of identifier: UInt64,
        with primary: PostgresServer
    ) async throws {
        let fixture = try await StreamingTimeline(stream, systemIdentifier: identifier)
        let folder = try TemporaryFolder()
        let end = stream.end
        // It begins with the segment that holds the position that it is told.
        try await fixture.write(upTo: stream.records[1].next)
        try await withPort(of: fixture.safekeeper) { server in
            let options = [
                "--directory=\(folder.path)", "--dbname=\(connection(to: server, fixture.timeline.id))", "--no-loop",
                "--no-password", "--endpos=\(end - 1)", "--status-interval=1",
            ]
            async let received = blocking { try primary.installation.attempt("pg_receivewal", options) }
            try await eventually("it is connected") { fixture.timeline.streaming.senders.count == 1 }
            try await fixture.write(upTo: end)
            let result = try await received
            #expect(result.status == 0, "\(result.errors)")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        let size = Int(stream.segmentSize.bytes)
        let first = stream.segmentSize.segmentNumber(of: stream.start)
        #expect(UInt64(names.count) == stream.segmentSize.segmentNumber(of: end - 1) - first + 1)
        #expect(names.count >= 3)
        for (index, name) in names.enumerated() {
            let theirs = try fileBytes(primary.walDirectory + "/" + name.replacingOccurrences(of: ".partial", with: ""))
            let ours = try fileBytes(folder.path(of: name))
            let isLast = index == names.count - 1
            let from = index == 0 ? Int(stream.segmentSize.offset(of: stream.start)) : 0
            let upTo = isLast ? Int(stream.segmentSize.offset(of: end - 1)) + 1 : size
            #expect(ours.count == size && ours[from..<upTo] == theirs[from..<upTo], "\(name) is not the server's")
        }
    }

    private func copyData(of source: PostgresServer, to target: PostgresServer) throws {
        try FileManager.default.removeItem(atPath: target.dataDirectory)
        let copy = try FinishedProcess.run("/bin/cp", ["-a", source.dataDirectory, target.dataDirectory])
        #expect(copy.status == 0, "\(copy.errors)")
        try target.configure([:])
    }

    private func walBytes(
        in directory: String,
        from start: LSN,
        to end: LSN,
        _ segmentSize: WALSegmentSize
    ) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var position = start
        while position < end {
            let name = WALFileName(
                timelineID: 1,
                segmentNumber: segmentSize.segmentNumber(of: position),
                segmentSize: segmentSize
            )
            let segment = try fileBytes(directory + "/" + (name?.description ?? ""))
            let upTo = min(end, segmentSize.segmentStart(of: position) + segmentSize.bytes)
            let offset = Int(segmentSize.offset(of: position))
            bytes += segment[offset..<offset + Int(upTo.rawValue - position.rawValue)]
            position = upTo
        }
        return bytes
    }
}
