import Foundation
import InterpretedWAL
import PostgresWAL
import ReplicationProtocol
import SafekeeperHarness
import ShardIdentity
import TestFixtures
import Testing

/// What clients of the port for WAL get, from the real program.
@Suite("Commands of the WAL port")
struct CommandTests {
    private static let tenant = TenantID(bits: 0xA0)
    private static let timeline = TimelineID(bits: 0xB0)
    private static let ids = "-c tenant_id=\(tenant) timeline_id=\(timeline)"
    private static let path = "/v1/tenant/\(tenant)/timeline/\(timeline)"
    private static let start = LSN(0x100_0028)

    /// A safekeeper with a proposer that has written something; gives where that ends.
    private func withProposer(
        _ body: (SafekeeperProcess, RawProposer, _ end: LSN) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder()
        let directory = folder.path(of: "data")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let safekeeper = SafekeeperProcess(directory: directory)
        try safekeeper.start()
        let proposer = try RawProposer(port: safekeeper.port, tenant: Self.tenant, timeline: Self.timeline)
        try proposer.elect(start: Self.start)
        let end = try append(20, to: proposer)
        try proposer.waitUntilDurable(end)
        try await body(safekeeper, proposer, end)
    }

    /// Writes records behind what a proposer has; gives where they end.
    private func append(_ count: Int, to proposer: RawProposer) throws -> LSN {
        var generator = try WALGenerator(
            LogicalMessageSource(),
            version: .v16,
            segmentSize: .standard,
            systemIdentifier: RawProposer.systemIdentifier,
            startingAt: proposer.position
        )
        for _ in 0..<count {
            let payload = [UInt8](repeating: 7, count: 5000)
            let record = WALRecordContents(resourceManager: .logicalMessage, info: 0, mainData: payload)
            try proposer.append(generator.append(record).bytes.span.bytes)
        }
        return proposer.position
    }

    @Test("A receiver of WAL gets it, and is in the timeline's status")
    func receiver() async throws {
        try await withProposer { safekeeper, _, _ in
            let connection = try BlockingConnection(port: safekeeper.port)
            try connection.start(options: Self.ids)
            try connection.query("START_REPLICATION PHYSICAL \(Self.start)")
            #expect(try connection.receive()?.tag == UInt8(ascii: "W"))
            #expect(try connection.receive()?.tag == UInt8(ascii: "d"))
            let status = try await safekeeper.call("GET", Self.path).body
            let sender =
                #""walsenders":[{"Vanilla":{"ttid":"\#(Self.tenant)/\#(Self.timeline)","addr":"127.0.0.1:"#
            #expect(status.contains(sender), "\(status)")
            let feedback =
                #""feedback":{"Pageserver":{"current_timeline_size":0,"last_received_lsn":"0/0","#
                + #""disk_consistent_lsn":"0/0","remote_consistent_lsn":"0/0","#
                + #""replytime":"2000-01-01T00:00:00+00:00","shard_number":0,"corruption_detected":false}}"#
            #expect(status.contains(feedback), "\(status)")
        }
    }

    /// The answer to a command: its rows' texts, nil for NULL, and the error's text if there is one.
    private func answer(
        _ command: String,
        _ safekeeper: SafekeeperProcess,
        options: String = ids
    ) throws -> (rows: [[String?]], error: String?) {
        let connection = try BlockingConnection(port: safekeeper.port)
        try connection.start(options: options)
        try connection.query(command)
        var rows: [[String?]] = []
        var error: String?
        while let frame = try connection.receive() {
            switch frame.tag {
            case UInt8(ascii: "D"): rows.append(Self.columns(of: frame.body))
            case UInt8(ascii: "E"): error = BlockingConnection.message(of: frame)
            case UInt8(ascii: "Z"): return (rows, error)
            default: break
            }
        }
        return (rows, error)
    }

    private static func columns(of body: [UInt8]) -> [String?] {
        var rest = body.dropFirst(2)
        var columns: [String?] = []
        while !rest.isEmpty {
            let length = Int32(bitPattern: rest.prefix(4).reduce(0) { $0 << 8 | UInt32($1) })
            rest = rest.dropFirst(4)
            columns.append(length < 0 ? nil : String(decoding: rest.prefix(Int(length)), as: UTF8.self))
            rest = rest.dropFirst(max(Int(length), 0))
        }
        return columns
    }

    @Test func questionsAboutATimeline() async throws {
        try await withProposer { safekeeper, proposer, end in
            // Nothing is committed but the start, which is the end of what was acknowledged at the election.
            let status = try answer("TIMELINE_STATUS", safekeeper)
            let commit = status.rows.first?[1] ?? ""
            #expect(status.error == nil && status.rows == [["\(end)", commit]] && commit != "\(end)")
            let system = "\(UInt64(0x0123_4567_89AB_CDEF))"
            #expect(try answer("IDENTIFY_SYSTEM", safekeeper).rows == [[system, "1", commit, nil]])
            let unknown = "-c tenant_id=\(Self.tenant) timeline_id=\(TimelineID(bits: 1))"
            #expect(try answer("TIMELINE_STATUS", safekeeper, options: unknown) == ([], nil))
            #expect(
                try answer("IDENTIFY_SYSTEM", safekeeper, options: unknown).error
                    == "Timeline \(Self.tenant)/\(TimelineID(bits: 1)) was not found in global map"
            )
            #expect(
                try answer("START_REPLICATION PHYSICAL 0/0", safekeeper).error
                    == "Requested streaming from 0/0, which is before the start of the timeline \(Self.start), "
                    + "and also doesn't start at the first segment of that timeline"
            )
            let receivers = try await safekeeper.call("GET", Self.path).body
            #expect(receivers.contains(#""walreceivers":[{"conn_id":1,"status":"Streaming"}]"#), "\(receivers)")
            let metrics = try await safekeeper.call("GET", "/metrics").body
            for line in [
                #"safekeeper_pg_queries_received_total{query="START_WAL_PUSH"} 1"#,
                #"safekeeper_pg_queries_finished_total{query="START_WAL_PUSH"} 0"#,
                #"safekeeper_pg_queries_finished_total{query="TIMELINE_STATUS"} 2"#, "safekeeper_wal_receivers 1",
                "safekeeper_wal_receiver_queue_depth_total 0", "libmetrics_metric_handler_requests_total 1",
                #"safekeeper_flush_lsn{tenant_id="\#(Self.tenant)",timeline_id="\#(Self.timeline)"} \#(end.rawValue)"#,
            ] {
                #expect(metrics.contains("\n\(line)\n"), "\(line)")
            }
            withExtendedLifetime(proposer) {}
        }
    }

    @Test func aStopDoesNotWaitForProposersAndLosesNothing() async throws {
        try await withProposer { safekeeper, proposer, end in
            let start = ContinuousClock.now
            #expect(safekeeper.stop(SIGTERM) == 0)
            #expect(ContinuousClock.now - start < .seconds(5))
            #expect(throws: ConnectionFailure.self) {
                while true { try proposer.waitUntilDurable(.init(.max)) }
            }
            try safekeeper.start()
            let status = try answer("TIMELINE_STATUS", safekeeper)
            #expect(status.rows.first?[0] == "\(end)")
        }
    }

    @Test func deletionEndsTheConnectionWithoutAWord() async throws {
        try await withProposer { safekeeper, proposer, _ in
            #expect(try await safekeeper.call("DELETE", Self.path).body == #"{"dir_existed":true}"#)
            #expect(throws: ConnectionFailure.closed) { try proposer.waitUntilDurable(.init(.max)) }
            // COPY begins before anything is asked of the timeline.
            let late = try RawProposer(port: safekeeper.port, tenant: Self.tenant, timeline: Self.timeline)
            let name = "\(Self.tenant)/\(Self.timeline)"
            #expect(throws: ConnectionFailure.refused("create timeline: Timeline \(name) has been deleted")) {
                try late.elect(start: Self.start)
            }
        }
    }

    @Test func aLeaderReplacesAllThatAnEarlierTermWrote() async throws {
        try await withProposer { safekeeper, _, end in
            // Nothing of it is committed. A second leader takes it over, a third one does without all of it.
            let second = try RawProposer(port: safekeeper.port, tenant: Self.tenant, timeline: Self.timeline)
            #expect(try second.elect(start: Self.start).flush == end)
            let third = try RawProposer(port: safekeeper.port, tenant: Self.tenant, timeline: Self.timeline)
            try third.elect(start: Self.start) { _ in Self.start }
            let newEnd = try append(2, to: third)
            try third.waitUntilDurable(newEnd)
            let status = try await safekeeper.call("GET", Self.path).body
            let history = #""term_history":[{"term":1,"lsn":"\#(Self.start)"},{"term":3,"lsn":"\#(Self.start)"}]"#
            #expect(status.contains(history) && status.contains(#""flush_lsn":"\#(newEnd)""#), "\(status)")
        }
    }

    @Test func protocolsThatAreNotSpokenAreRefusedAtTheFirstMessage() throws {
        let folder = try TemporaryFolder()
        let directory = folder.path(of: "data")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let safekeeper = SafekeeperProcess(directory: directory)
        try safekeeper.start()
        let connection = try BlockingConnection(port: safekeeper.port)
        try connection.start(options: Self.ids)
        try connection.query("START_WAL_PUSH (proto_version '4')")
        #expect(try connection.receive()?.tag == UInt8(ascii: "W"))
        try connection.send { $0.appendCopyData { $0.append(UInt8(ascii: "g")) } }
        let frame = try #require(try connection.receive())
        #expect(BlockingConnection.message(of: frame) == "unsupported protocol version 4")
        #expect(try connection.receive() == nil)
    }
}
