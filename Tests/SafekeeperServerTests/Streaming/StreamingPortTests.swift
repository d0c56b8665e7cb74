import InterpretedWAL
import NIOCore
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity
import TestFixtures
import Testing

/// Streams over sockets, as receivers see them.
///
/// Source: `replication-protocol.md` §2 to §5.
@Suite("Streams on the WAL port", .timeLimit(.minutes(2))) struct StreamingPortTests {
    private static let form = WireFormat(format: .protobuf, compression: .zstd(level: 1))
    private static let golden = Result {
        try InterpretedStream.golden(
            "pg15",
            skipping: 2_000_000,
            length: 5_000_000,
            shards: try InterpretedStream.layouts().flatMap { $0 }
        )
    }

    private func fixture() async throws -> (StreamingTimeline, LSN) {
        let stream = try Self.golden.get()
        let fixture = try await StreamingTimeline(stream) { settings in
            settings.fanOutLimits = FanOutLimits(grace: .milliseconds(50))
        }
        return (fixture, min(stream.records.last?.next ?? .invalid, stream.end))
    }

    @Test("Every form of START_REPLICATION that asks for raw WAL gets it")
    func raw() async throws {
        let (fixture, end) = try await fixture()
        let stream = fixture.stream
        try await fixture.write(upTo: end)
        try await withPort(of: fixture.safekeeper) { server in
            let start = stream.start
            let commands = [
                "START_REPLICATION PHYSICAL \(start)", "START_REPLICATION \(start)",
                "START_REPLICATION SLOT \"repl_1\" \(start) TIMELINE 1",
                "START_REPLICATION PHYSICAL \(start) (term='1')",
                "START_REPLICATION SLOT x PHYSICAL \(start) TIMELINE 1;",
            ]
            let options = fixture.timeline.id.startupOptions
            for (index, command) in commands.enumerated() {
                let vanilla = index == 0 ? " protocol={\"type\":\"vanilla\"}" : ""
                try await TestConnection.streaming(server, options + vanilla, command) { connection in
                    let wal = try await connection.wal(from: start, to: end)
                    #expect(wal.elementsEqual(stream.wal(from: start, to: end)), "\(command)")
                    try await connection.send(frames(.copyDone))
                    #expect(try await connection.message()?.tag == "c")
                    #expect(try await connection.message() == nil)
                }
            }
        }
        #expect(fixture.timeline.streaming.senders.count == 0)
    }

    @Test("Shards get what decoding at home gives them; one that stops reading is no burden to the others")
    func interpreted() async throws {
        let (fixture, end) = try await fixture()
        let stream = fixture.stream
        let first = stream.shards.count - 8
        let frozen = first + 5
        try await withPort(of: fixture.safekeeper) { server in
            let options = stream.shards.map { shard in
                "\(fixture.timeline.id.startupOptions) \(Self.form.startupOption) \(shard.startupOption)"
            }
            let command = "START_REPLICATION PHYSICAL \(stream.start)"
            try await TestConnection.streaming(server, options[frozen], command) { connection in
                // From here on nothing is read, until the others are through.
                try await withThrowingTaskGroup { group in
                    for shard in stream.shards.indices where shard != frozen {
                        group.addTask {
                            try await TestConnection.streaming(server, options[shard], command) { connection in
                                var checker = StreamChecker(stream: stream, shard: shard, start: stream.start)
                                checker.isLenient = true
                                try await connection.receive(into: &checker, form: Self.form, upTo: end)
                            }
                        }
                    }
                    for step in 1...5 {
                        try await fixture.write(upTo: stream.records[step * stream.records.count / 6].next)
                    }
                    try await fixture.write(upTo: end)
                    try await group.waitForAll()
                }
                var checker = StreamChecker(stream: stream, shard: frozen, start: stream.start)
                checker.isLenient = true
                try await connection.receive(into: &checker, form: Self.form, upTo: end)
            }
        }
        #expect(fixture.timeline.streaming.senders.count == 0)
        #expect(await fixture.timeline.streaming.fanOut.senderCount == 0)
    }

    @Test("The stream ends on purpose when the receiver has everything and nobody writes")
    func caughtUp() async throws {
        let (fixture, end) = try await fixture()
        try await fixture.write(upTo: end)
        try await withPort(of: fixture.safekeeper) { server in
            let options =
                "\(fixture.timeline.id.startupOptions) \(Self.form.startupOption) \(ShardIdentity.unsharded.startupOption)"
            try await TestConnection.streaming(server, options, "START_REPLICATION PHYSICAL \(end)") { connection in
                let feedback = PageserverFeedback(lastReceived: end, remoteConsistent: end)
                try await connection.reply(.pageserverFeedback(feedback))
                let message = try await connection.message()
                #expect(message?.tag == "E")
                #expect(message?.body.starts(with: Array("SERROR\0C00000\0M".utf8)) == true)
                #expect(
                    message?.errorText
                        == "ending streaming to Some(\"pageserver-1\") at \(end), "
                        + "receiver is caughtup and there is no computes"
                )
                #expect(try await connection.message() == nil)
            }
        }
    }

    @Test("What is wrong is told: before the stream what concerns the timeline, in it what concerns the WAL")
    func refusals() async throws {
        let (fixture, end) = try await fixture()
        try await fixture.write(upTo: end)
        let start = fixture.stream.start
        let id = fixture.timeline.id
        try await withPort(of: fixture.safekeeper) { server in
            let unknown = TenantTimelineID(1, 99)
            try await TestConnection.with(server) { connection in
                try await connection.send(startupPacket(options: unknown.startupOptions))
                try await connection.expectLogin()
                try await connection.send(frames(.query("START_REPLICATION PHYSICAL \(start)")))
                let text = try await connection.message()?.errorText
                #expect(text == "Timeline \(unknown) was not found in global map")
                #expect(try await connection.message()?.tag == "Z")
            }
            let early = LSN(start.rawValue - 16 << 20)
            try await TestConnection.streaming(server, id.startupOptions, "START_REPLICATION \(early)") { connection in
                let text = try await connection.lastError()
                #expect(text == "\(WALReadError.beforeTimeline(requested: early, timelineStart: start))")
            }
            try await TestConnection.streaming(
                server,
                id.startupOptions,
                "START_REPLICATION \(start) (term='7')"
            ) { connection in
                let text = try await connection.lastError()
                #expect(text == "term changed: requested 7, now 1")
            }
            // Shards that can't be: the session ends before it begins.
            for shard in [
                "shard_count=2 shard_number=2 shard_stripe_size=8", "shard_count=2 shard_number=1 shard_stripe_size=0",
                "shard_count=2 shard_number=1",
            ] {
                try await TestConnection.with(server) { connection in
                    let options = "\(id.startupOptions) \(Self.form.startupOption) \(shard)"
                    try await connection.send(startupPacket(options: options))
                    let text = try await connection.lastError()
                    #expect(text != nil, "\(shard)")
                }
            }
            // Two stripe sizes for one count.
            let one = try ShardIdentity(number: 0, count: 2, stripeSize: 8)
            let other = try ShardIdentity(number: 1, count: 2, stripeSize: 16)
            let options = { (shard: String) in "\(id.startupOptions) \(Self.form.startupOption) \(shard)" }
            let command = "START_REPLICATION PHYSICAL \(start)"
            try await TestConnection.streaming(server, options(one.startupOption), command) { connection in
                _ = try await connection.streamMessage()
                try await TestConnection.streaming(server, options(other.startupOption), command) { connection in
                    let text = try await connection.lastError()
                    #expect(text == "\(FanOutError.stripeSize(requested: other, attached: one))")
                }
            }
        }
    }

    @Test("Three hundred connections of one shard, one after the other and overlapping")
    func manyConnections() async throws {
        let (fixture, end) = try await fixture()
        try await fixture.write(upTo: fixture.stream.records[100].next)
        try await withPort(of: fixture.safekeeper) { server in
            let shard = fixture.stream.shards[fixture.stream.shards.count - 7]
            let options = "\(fixture.timeline.id.startupOptions) \(Self.form.startupOption) \(shard.startupOption)"
            let command = "START_REPLICATION PHYSICAL \(fixture.stream.records[100].next)"
            for _ in 0..<150 {
                try await TestConnection.streaming(server, options, command) { _ in
                    try await TestConnection.streaming(server, options, command) { _ in }
                }
            }
            try await TestConnection.streaming(server, options, command) { connection in
                let index = fixture.stream.shards.count - 7
                try await fixture.write(upTo: end)
                var checker = StreamChecker(
                    stream: fixture.stream,
                    shard: index,
                    start: fixture.stream.records[100].next
                )
                checker.isLenient = true
                try await connection.receive(into: &checker, form: Self.form, upTo: end)
            }
        }
        #expect(await fixture.timeline.streaming.fanOut.readerCount == 0)
    }
}
