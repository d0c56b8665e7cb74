import InterpretedWAL
import NIOCore
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity
import StorageSimulation
import Synchronization
import TestFixtures
import Testing

/// Streams of WAL from a timeline on disk, without a network.
///
/// Source: `replication-protocol.md` §4, §5.
@Suite("WAL senders", .timeLimit(.minutes(2))) struct WALSenderTests {
    private static let production = WireFormat(format: .protobuf, compression: .zstd(level: 1))
    private static let golden = Result {
        try InterpretedStream.golden(
            "pg16",
            skipping: 1_000_000,
            length: 6_000_000,
            shards: try InterpretedStream.layouts().flatMap { $0 }
        )
    }
    private static let small = Result {
        try InterpretedStream.generated(
            seed: 4,
            start: LSN(0x14E_E150),
            count: 3000,
            maximumLength: 1000,
            segmentSize: WALSegmentSize(bytes: 1 << 20) ?? .standard,
            shards: [.unsharded]
        )
    }

    private func lastRecord(_ stream: InterpretedStream) -> LSN {
        min(stream.records.last?.next ?? .invalid, stream.end)
    }

    // MARK: Raw

    @Test("Raw WAL: every byte, in chunks that end with pages, as far as it is committed")
    func raw() async throws {
        let stream = try Self.golden.get()
        let fixture = try await StreamingTimeline(stream)
        let middle = stream.records[stream.records.count / 2].next
        try await fixture.write(upTo: lastRecord(stream), commit: middle)
        let receiver = TestReceiver(fixture.timeline, fixture.safekeeper.log, from: stream.start)
        let first = try await receiver.wal(from: stream.start, to: middle)
        #expect(first.elementsEqual(stream.wal(from: stream.start, to: middle)))
        try await fixture.write(upTo: lastRecord(stream))
        let rest = try await receiver.wal(from: middle, to: lastRecord(stream))
        #expect(rest.elementsEqual(stream.wal(from: middle, to: lastRecord(stream))))
        #expect(try await receiver.leave().get() == .finished)
        #expect(fixture.timeline.streaming.senders.count == 0)
    }

    @Test("Before the timeline's start there are the headers and zeros of its first segment")
    func firstSegment() async throws {
        let stream = try Self.small.get()
        let fixture = try await StreamingTimeline(stream)
        let end = lastRecord(stream)
        try await fixture.write(upTo: end)
        let segmentStart = stream.segmentSize.segmentStart(of: stream.start)
        let receiver = TestReceiver(fixture.timeline, fixture.safekeeper.log, from: segmentStart)
        let wal = try await receiver.wal(from: segmentStart, to: end)
        await receiver.leave()
        // What stands in the file.
        let files = try await fixture.timeline.withState { $0.store.files }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 8)
        defer { buffer.deallocate() }
        let count = try files.read(into: buffer, at: segmentStart)
        #expect(count == 1 << 20)
        #expect(wal[..<count].elementsEqual(buffer))
        let early = TestReceiver(fixture.timeline, fixture.safekeeper.log, from: LSN(segmentStart.rawValue - 8))
        await #expect(
            throws: WALReadError.beforeTimeline(
                requested: LSN(segmentStart.rawValue - 8),
                timelineStart: stream.start
            )
        ) {
            try await early.ending.value.get()
        }
    }

    @Test("With a term, WAL that is not committed is sent, until another term begins")
    func term() async throws {
        let stream = try Self.small.get()
        let fixture = try await StreamingTimeline(stream)
        let middle = stream.records[1000].next
        try await fixture.write(upTo: middle, commit: stream.start)
        let receiver = TestReceiver(
            fixture.timeline,
            fixture.safekeeper.log,
            from: stream.start,
            term: StreamingTimeline.term
        )
        let wal = try await receiver.wal(from: stream.start, to: middle)
        #expect(wal.elementsEqual(stream.wal(from: stream.start, to: middle)))
        try await fixture.elect(Term(2))
        var found: WALReadError?
        if case .failure(let error) = await receiver.ending.value { found = error as? WALReadError }
        #expect(
            found == .termLost(requested: Term(1), current: Term(2))
                || found == .termChanged(requested: Term(1), current: Term(2))
        )
        let late = TestReceiver(fixture.timeline, fixture.safekeeper.log, from: stream.start, term: Term(1))
        await #expect(throws: (any Error).self) { try await late.ending.value.get() }
    }

    @Test("Nothing can be read where no WAL has ever been")
    func uninitialized() async throws {
        let (safekeeper, _) = try TestSafekeeper.onDisk()
        try await safekeeper.registry.load()
        let timeline = try await safekeeper.registry.create(TenantTimelineID(1, 2), for: TestSafekeeper.server)
        let receiver = TestReceiver(timeline, safekeeper.log, from: LSN(0x100_0028))
        await #expect(throws: WALReadError.uninitialized) { try await receiver.ending.value.get() }
        let shard = TestReceiver(
            timeline,
            safekeeper.log,
            from: LSN(0x100_0028),
            as: .interpreted(Self.production, .unsharded)
        )
        await #expect(throws: ShardStreamEnd.self) { try await shard.ending.value.get() }
    }

    // MARK: Signs of life

    @Test(
        "A sign of life each second of silence, and the end once the receiver has everything",
        arguments: [true, false]
    )
    func caughtUp(isRaw: Bool) async throws {
        let stream = try Self.small.get()
        let time = ManualTime()
        let fixture = try await StreamingTimeline(stream, time: time)
        let end = lastRecord(stream)
        try await fixture.write(upTo: end)
        let receiver = TestReceiver(
            fixture.timeline,
            fixture.safekeeper.log,
            from: stream.start,
            as: isRaw ? .vanilla : .interpreted(Self.production, .unsharded)
        )
        if isRaw {
            _ = try await receiver.wal(from: stream.start, to: end)
        } else {
            var checker = StreamChecker(stream: stream, shard: 0, start: stream.start)
            try await receiver.receive(into: &checker, form: Self.production, upTo: end)
        }
        for _ in 0..<3 {
            // Time passes as soon as somebody waits for it.
            async let message = receiver.nextMessage()
            try await passSeconds(time, until: { receiver.isEmpty == false })
            guard case (.keepAlive(let sign), _) = try await message else {
                throw StreamChecker.Violation("no sign of life")
            }
            #expect(sign.walEnd == end && sign.replyRequested)
        }
        receiver.reply(.pageserverFeedback(PageserverFeedback(lastReceived: end, remoteConsistent: end)))
        try await eventually("the feedback is known") {
            fixture.timeline.streaming.senders.progress.remoteConsistent == end
        }
        let ending = receiver.ending
        let isOver = Flag()
        let watcher = Task {
            _ = await ending.value
            isOver.set()
        }
        try await passSeconds(time, until: { isOver.isSet })
        await watcher.value
        #expect(
            try await receiver.ending.value.get()
                == .caughtUp(
                    "ending streaming to Some(\"pageserver-1\") at \(end), "
                        + "receiver is caughtup and there is no computes"
                )
        )
        #expect(fixture.timeline.watch.current.remoteConsistentLSN == end)
    }

    private func passSeconds(_ time: ManualTime, until isDone: () -> Bool) async throws {
        try await eventually("something happens as time passes") {
            if !isDone() && time.sleeperCount > 0 { time.advance(by: .milliseconds(250)) }
            return isDone()
        }
    }

    @Test("A standby's stream does not end, and what standbys need goes to the proposers")
    func standby() async throws {
        let stream = try Self.small.get()
        let time = ManualTime()
        let fixture = try await StreamingTimeline(stream, time: time)
        let end = lastRecord(stream)
        try await fixture.write(upTo: end)
        let receiver = TestReceiver(fixture.timeline, fixture.safekeeper.log, from: stream.start, name: "replica")
        _ = try await receiver.wal(from: stream.start, to: end)
        let horizons = StandbyHorizons(time: PostgresTimestamp(microseconds: 9), xmin: 700, catalogXmin: 600)
        receiver.reply(
            .standbyStatus(
                StandbyStatus(write: end, flush: end, apply: stream.start, time: PostgresTimestamp(microseconds: 9))
            )
        )
        receiver.reply(.hotStandbyFeedback(horizons))
        receiver.reply(raw: [UInt8(ascii: "q")])
        receiver.reply(raw: [])
        try await eventually("the standby is known") { fixture.timeline.receivers.standby == horizons }
        #expect(fixture.timeline.streaming.senders.standbys.slowestApply == stream.start)
        #expect(!fixture.timeline.streaming.senders.isCaughtUp(ShardProgress.SenderKey(1), commitLSN: .invalid))
        #expect(try await receiver.leave().get() == .finished)
        #expect(fixture.timeline.receivers.standby == StandbyHorizons())
        let broken = TestReceiver(fixture.timeline, fixture.safekeeper.log, from: stream.start)
        broken.reply(raw: [UInt8(ascii: "r")] + [UInt8](repeating: 0, count: 32))
        var text = ""
        if case .failure(let error) = await broken.ending.value { text = "\(error)" }
        #expect(text.hasPrefix("failed to deserialize StandbyReply: deserialize error"))
    }

    // MARK: Interpreted

    @Test("Shards of several layouts, several connections and forms get what decoding at home gives them")
    func interpreted() async throws {
        let stream = try Self.golden.get()
        let fixture = try await StreamingTimeline(stream)
        let end = lastRecord(stream)
        let middle = stream.records[stream.records.count / 3].next
        try await fixture.write(upTo: middle)
        let forms = [
            Self.production, WireFormat(format: .protobuf), WireFormat(format: .bincode, compression: .zstd(level: 3)),
        ]
        try await withThrowingTaskGroup { group in
            for shard in stream.shards.indices {
                let form = forms[shard % forms.count]
                let start = shard % 3 == 2 ? stream.records[700].next : stream.start
                let receiver = TestReceiver(
                    fixture.timeline,
                    fixture.safekeeper.log,
                    from: start,
                    as: .interpreted(form, stream.shards[shard])
                )
                group.addTask {
                    var checker = StreamChecker(stream: stream, shard: shard, start: start)
                    checker.isLenient = true
                    try await receiver.receive(into: &checker, form: form, upTo: end)
                    #expect(try await receiver.leave().get() == .finished)
                }
            }
            // More comes while they stream.
            for step in 1...4 {
                let position = stream.records[stream.records.count / 3 + step * stream.records.count / 10].next
                try await fixture.write(upTo: position)
            }
            try await fixture.write(upTo: end)
            try await group.waitForAll()
        }
        let fanOut = fixture.timeline.streaming.fanOut
        #expect(await fanOut.senderCount == 0)
        #expect(await fanOut.readerCount == 0)
        #expect(await fanOut.decodedBytes < UInt64(2 * stream.bytes.count))
    }

    @Test("WAL is decoded once for eight shards")
    func decodedOnce() async throws {
        let stream = try Self.golden.get()
        let fixture = try await StreamingTimeline(stream)
        let first = stream.shards.count - 8
        let receivers = (0..<8).map { number in
            TestReceiver(
                fixture.timeline,
                fixture.safekeeper.log,
                from: stream.start,
                as: .interpreted(Self.production, stream.shards[first + number])
            )
        }
        let fanOut = fixture.timeline.streaming.fanOut
        try await eventually("all are attached") { await fanOut.senderCount == 8 }
        try await withThrowingTaskGroup { group in
            for (number, receiver) in receivers.enumerated() {
                group.addTask {
                    var checker = StreamChecker(stream: stream, shard: first + number, start: stream.start)
                    try await receiver.receive(into: &checker, form: Self.production, upTo: self.lastRecord(stream))
                }
            }
            try await fixture.write(upTo: lastRecord(stream))
            try await group.waitForAll()
        }
        #expect(await fanOut.decodedBytes == lastRecord(stream).rawValue - stream.start.rawValue)
        for receiver in receivers { await receiver.leave() }
    }

    @Test("A receiver that stops costs the others little, and is served when it goes on")
    func stopped() async throws {
        let stream = try Self.golden.get()
        let fixture = try await StreamingTimeline(stream) { settings in
            settings.fanOutLimits = FanOutLimits(queuedMessages: 1, grace: .milliseconds(20))
        }
        let first = stream.shards.count - 8
        let receivers = (0..<8).map { number in
            TestReceiver(
                fixture.timeline,
                fixture.safekeeper.log,
                from: stream.start,
                as: .interpreted(Self.production, stream.shards[first + number])
            )
        }
        receivers[3].stop()
        let end = lastRecord(stream)
        var checkers = (0..<8).map { StreamChecker(stream: stream, shard: first + $0, start: stream.start) }
        // The second half comes when the stopped one's queue is full.
        for position in [stream.records[stream.records.count / 2].next, end] {
            try await fixture.write(upTo: position)
            for number in 0..<8 where number != 3 {
                try await receivers[number].receive(into: &checkers[number], form: Self.production, upTo: position)
            }
        }
        let fanOut = fixture.timeline.streaming.fanOut
        #expect(await fanOut.readerCount == 2)
        receivers[3].goOn()
        var checker = StreamChecker(stream: stream, shard: first + 3, start: stream.start)
        try await receivers[3].receive(into: &checker, form: Self.production, upTo: end)
        try await eventually("there is one reader again") { await fanOut.readerCount == 1 }
        for receiver in receivers { await receiver.leave() }
    }

    @Test("Another stripe size for the same count is refused, and so is a start where no record can start")
    func refused() async throws {
        let stream = try Self.small.get()
        let fixture = try await StreamingTimeline(stream)
        func receiver(_ shard: ShardIdentity, at start: LSN) -> TestReceiver {
            TestReceiver(
                fixture.timeline,
                fixture.safekeeper.log,
                from: start,
                as: .interpreted(Self.production, shard)
            )
        }
        let first = receiver(try ShardIdentity(number: 0, count: 2, stripeSize: 8), at: stream.start)
        try await eventually("it is attached") { await fixture.timeline.streaming.fanOut.senderCount == 1 }
        let other = receiver(try ShardIdentity(number: 1, count: 2, stripeSize: 16), at: stream.start)
        await #expect(throws: FanOutError.self) { try await other.ending.value.get() }
        let crooked = receiver(try ShardIdentity(number: 1, count: 2, stripeSize: 8), at: stream.start + 4)
        await #expect(throws: FanOutError.startPosition(stream.start + 4)) { try await crooked.ending.value.get() }
        #expect(try await first.leave().get() == .finished)
    }

    @Test("Broken WAL ends the shards' streams with the cause, after what came before it")
    func broken() async throws {
        let stream = try Self.small.get()
        let fixture = try await StreamingTimeline(stream)
        try await fixture.write(upTo: lastRecord(stream))
        let record = stream.records[1000]
        let files = try await fixture.timeline.withState { $0.store.files }
        let number = stream.segmentSize.segmentNumber(of: record.end - 1)
        let file = try #require(
            try [false, true].lazy.compactMap {
                try files.fileSystem.openIfPresent(files.path(ofSegment: number, isPartial: $0), .readWrite)
            }.first
        )
        let damage = [
            stream.wal(from: record.end - 1, to: record.end)[
                stream.wal(from: record.end - 1, to: record.end).startIndex
            ] ^ 1
        ]
        try files.fileSystem.write(damage.span.bytes, to: file, at: stream.segmentSize.offset(of: record.end - 1))
        files.fileSystem.close(file)
        let receiver = TestReceiver(
            fixture.timeline,
            fixture.safekeeper.log,
            from: stream.start,
            as: .interpreted(Self.production, .unsharded)
        )
        guard case .failure(let error) = await receiver.ending.value else {
            throw StreamChecker.Violation("no error")
        }
        guard case .decode(let cause)? = (error as? ShardStreamEnd)?.cause else {
            throw StreamChecker.Violation("another error: \(error)")
        }
        #expect(cause.recordStart == record.start)
        var checker = StreamChecker(stream: stream, shard: 0, start: stream.start)
        try await receiver.receive(into: &checker, form: Self.production, upTo: record.start)
        #expect(checker.position == stream.records[999].next)
    }

    // MARK: Ends

    @Test("Deleting a timeline ends its streams, also those whose receivers have stopped")
    func deletion() async throws {
        let stream = try Self.golden.get()
        let fixture = try await StreamingTimeline(stream)
        try await fixture.write(upTo: lastRecord(stream))
        let receivers = [SafekeeperStartupOptions.Receiver.vanilla, .interpreted(Self.production, .unsharded)].map {
            TestReceiver(fixture.timeline, fixture.safekeeper.log, from: stream.start, as: $0)
        }
        for receiver in receivers { _ = await receiver.next() }
        #expect(fixture.timeline.streaming.senders.count == 2)
        _ = try await fixture.safekeeper.registry.delete(fixture.timeline.id)
        for receiver in receivers {
            await #expect(throws: TimelineError.cancelled(fixture.timeline.id)) {
                try await receiver.ending.value.get()
            }
        }
    }

    // MARK: Removal

    @Test("WAL goes once all shards, all receivers and the control file are past it")
    func removal() async throws {
        let stream = try InterpretedStream.generated(
            seed: 9,
            start: LSN(0x14E_E150),
            count: 4000,
            maximumLength: 5000,
            segmentSize: WALSegmentSize(bytes: 1 << 20) ?? .standard,
            shards: [.unsharded]
        )
        let fixture = try await StreamingTimeline(stream)
        let end = lastRecord(stream)
        try await fixture.write(upTo: end)
        let timeline = fixture.timeline
        let files = try await timeline.withState { $0.store.files }
        let all = try files.list().count
        try #require(all >= 4)
        let shards = try (0..<2).map { try ShardIdentity(number: $0, count: 2, stripeSize: 8) }
        let receivers = shards.map { shard in
            TestReceiver(timeline, fixture.safekeeper.log, from: stream.start, as: .interpreted(Self.production, shard))
        }
        func report(_ shard: Int, _ position: LSN) async throws {
            receivers[shard].reply(.pageserverFeedback(PageserverFeedback(remoteConsistent: position)))
            try await eventually("the feedback is known") {
                timeline.streaming.senders.progress.status.contains {
                    $0.number == shard && $0.feedback?.remoteConsistent == position
                }
            }
            try await eventually("it is passed on") {
                let wanted = timeline.streaming.senders.progress.remoteConsistent ?? .invalid
                return timeline.watch.current.remoteConsistentLSN >= wanted
            }
            try await timeline.withState { try $0.flushControlFile() }
        }
        try await eventually("all has been sent") { timeline.streaming.senders.oldestPosition == end }
        try await report(0, end)
        #expect(await timeline.removeOldWAL(keepsUnsaved: false) == 0)
        try await report(1, stream.start + 2 << 20)
        #expect(await timeline.removeOldWAL(keepsUnsaved: true) == 0)
        // One receiver more, which still needs the first segment.
        let late = TestReceiver(timeline, fixture.safekeeper.log, from: stream.start)
        late.stop()
        _ = await late.next()
        #expect(await timeline.removeOldWAL(keepsUnsaved: false) == 0)
        await late.leave()
        #expect(await timeline.removeOldWAL(keepsUnsaved: false) == 2)
        #expect(await timeline.removeOldWAL(keepsUnsaved: false) == 0)
        try await report(1, end)
        #expect(await timeline.removeOldWAL(keepsUnsaved: false) == all - 3)
        #expect(try files.list().count == 1)
        for receiver in receivers { await receiver.leave() }
    }
}

/// Something that has happened.
private final class Flag: Sendable {
    private let value = Mutex(false)

    var isSet: Bool { value.withLock { $0 } }

    func set() { value.withLock { $0 = true } }
}
