import Dispatch
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import StorageSimulation
import Synchronization
import TestFixtures
import Testing

@Suite("A proposer's connection")
struct WALAcceptorTests {
    private let id = TenantTimelineID(1, 2)

    @Test("WAL is taken, flushed when the queue runs dry, and answered", arguments: [ConsensusProtocolVersion.v2, .v3])
    func stream(version: ConsensusProtocolVersion) async throws {
        let (safekeeper, _) = try TestSafekeeper.onDisk()
        let proposer = try TestProposer(safekeeper, id, version: version)
        try await proposer.elect()
        var end = LSN.invalid
        for _ in 0..<100 {
            end = proposer.append(1000)
            let response = try await proposer.response()
            #expect(response.flush == end && response.term == Term(1))
        }
        proposer.heartbeat(commit: end)
        _ = try await proposer.response()
        let timeline = try safekeeper.registry.timeline(id)
        #expect(timeline.watch.current.commitLSN == end && timeline.watch.current.flushLSN == end)
        #expect(timeline.receivers.streamingCount == 1)
        let labels = [("tenant_id", "\(id.tenant)"), ("timeline_id", "\(id.timeline)")]
        #expect(safekeeper.metrics.value("safekeeper_commit_lsn", labels) == Double(end.rawValue))
        #expect(safekeeper.metrics.value("safekeeper_flush_lsn", labels) == Double(end.rawValue))
        #expect(safekeeper.metrics.value("safekeeper_acceptor_term", labels) == 1)
        #expect(safekeeper.metrics.value("safekeeper_connected_computes", labels) == 1)
        #expect(try await proposer.finish() == .finished)
        #expect(timeline.receivers.count == 0)
        #expect(safekeeper.metrics.value("safekeeper_connected_computes", labels) == 0)
        await safekeeper.registry.shutDown()
        #expect(safekeeper.metrics.record("safekeeper_commit_lsn", labels) == nil)
    }

    @Test(
        "Messages that wait are written together, and nothing changes",
        arguments: [(200, 0...3000, 20), (20, 33_000...90_000, 6), (40, 0...70_000, 7)]
    )
    func together(count: Int, sizes: ClosedRange<Int>, calls: Int) async throws {
        let (safekeeper, files) = try TestSafekeeper.onDisk()
        let gate = DiskGate(files)
        let proposer = try TestProposer(safekeeper, id)
        try await proposer.elect()
        proposer.append(10)
        _ = try await proposer.response()
        let timeline = try safekeeper.registry.timeline(id)
        let written = files.count(.write)
        gate.close()
        proposer.append(10)
        try await gate.untilSomebodyWaits()
        var random = SeededGenerator(seed: 1)
        var end = LSN.invalid
        for _ in 0..<count { end = proposer.append(Int.random(in: sizes, using: &random)) }
        try await eventually("all have arrived") {
            safekeeper.metrics.value("safekeeper_wal_receiver_queue_depth_total") == Double(count)
        }
        gate.open()
        try await proposer.response(flushed: end)
        #expect(files.count(.write) - written < calls)
        #expect(timeline.watch.current.flushLSN == end)
        #expect(
            safekeeper.metrics.value("safekeeper_proposer_acceptor_messages_total", [("outcome", "success")])
                == Double(count + 5)
        )
        #expect(try await proposer.finish() == .finished)
        await safekeeper.registry.shutDown()
        // It is all there, as the same bytes.
        let state = try TimelineState(
            loading: timeline.folder.path,
            of: files,
            settings: TimelineState.Settings(node: SafekeeperID(7))
        )
        #expect(state.flushLSN == end)
    }

    @Test("The first message has to be a greeting that can be followed")
    func greetings() async throws {
        let (safekeeper, _) = try TestSafekeeper.onDisk()
        func error(_ body: (TestProposer) -> Void) async throws -> String {
            let proposer = try TestProposer(safekeeper, id)
            body(proposer)
            let error = await #expect(throws: WALAcceptorError.self) { try await proposer.ending.value.get() }
            return error.map { "\($0)" } ?? ""
        }
        #expect(try await error { $0.send(raw: []) } == "ProposerAcceptorMessage is not complete: missing tag")
        #expect(try await error { $0.send(raw: [120]) } == "unknown proposer-acceptor message tag: 120")
        let vote = ProposerMessage.voteRequest(VoteRequest(generation: .invalid, term: Term(1)))
        #expect(try await error { $0.send(vote) }.hasSuffix(" instead of greeting"))
        #expect(
            try await error { $0.send($0.greeting(version: 0)) }
                == "create timeline: Timeline \(id) is not initialized, pg_version is unknown"
        )
        #expect(
            try await error { $0.send($0.greeting(segmentSize: 0)) }
                == "create timeline: Timeline \(id) is not initialized, wal_seg_size is zero"
        )
        #expect(safekeeper.registry.timelines.isEmpty)
        // A connection that ends before its first message is nobody's fault.
        let silent = try TestProposer(safekeeper, id)
        #expect(try await silent.finish() == .finished)
        // From here on there is one.
        _ = try await safekeeper.registry.create(id, for: TestSafekeeper.server)
        #expect(
            try await error { $0.send($0.greeting(version: 160_001)) }
                == "WAL acceptor: incompatible server version 160001, expected 150010"
        )
        try await safekeeper.registry.delete(id)
        #expect(
            try await error { $0.send($0.greeting()) } == "create timeline: Timeline \(id) has been deleted"
        )
        await safekeeper.registry.shutDown()
        #expect(safekeeper.metrics.value("safekeeper_wal_receivers") == 0)
    }

    @Test func withoutLeaveToMakeItNothingIsSent() async throws {
        let (safekeeper, _) = try TestSafekeeper.onDisk()
        let proposer = try TestProposer(safekeeper, id, allowsCreation: false)
        proposer.send(proposer.greeting())
        #expect(try await proposer.ending.value.get() == .timelineNotFound)
        await #expect(throws: TestProposer.NoAnswer.self) { try await proposer.answer() }
        #expect(
            safekeeper.log.lines.contains {
                $0.message == "timeline not found, and allow_timeline_creation is false" && $0.timeline == "\(id)"
            }
        )
        _ = try await safekeeper.registry.create(id, for: TestSafekeeper.server)
        let other = try TestProposer(safekeeper, id, allowsCreation: false)
        try await other.elect()
        #expect(try await other.finish() == .finished)
        await safekeeper.registry.shutDown()
    }

    @Test func messagesOfAllKindsMayFollowWAL() async throws {
        let (safekeeper, _) = try TestSafekeeper.onDisk()
        let proposer = try TestProposer(safekeeper, id)
        try await proposer.elect()
        for round in 0..<50 {
            let before = proposer.append(500)
            proposer.send(proposer.greeting())
            proposer.send(.voteRequest(VoteRequest(generation: .invalid, term: Term(1))))
            let end = proposer.append(500)
            var (greetings, votes) = (0, 0)
            var flushed = LSN.invalid
            while greetings == 0 || votes == 0 || flushed < end {
                switch try await proposer.answer() {
                case .greeting: greetings += 1
                case .voteResponse(let vote):
                    votes += 1
                    #expect(!vote.voteGiven && vote.flush >= before, "round \(round)")
                case .appendResponse(let response): flushed = response.flush
                }
            }
            #expect(greetings == 1 && votes == 1 && flushed == end, "round \(round)")
        }
        #expect(try await proposer.finish() == .finished)
        await safekeeper.registry.shutDown()
    }

    @Test("The last message is flushed and answered to nobody when the proposer goes away", arguments: 0..<50)
    func disconnect(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let (safekeeper, _) = try TestSafekeeper.onDisk()
        var end = LSN.invalid
        for _ in 0..<4 {
            let proposer = try TestProposer(safekeeper, id)
            try await proposer.elect()
            for _ in 0..<Int.random(in: 1...20, using: &random) {
                end = proposer.append(Int.random(in: 0...20_000, using: &random))
            }
            if random.chance(1, in: 2) { end = proposer.appendSwitch() }
            #expect(try await proposer.finish() == .finished)
            // Whoever asks now and whoever votes next must hear the same.
            let status = try safekeeper.registry.timeline(id).watch.current.flushLSN
            #expect(status == end, "seed \(seed)")
            let next = try TestProposer(safekeeper, id)
            #expect(try await next.elect() == end, "seed \(seed)")
            #expect(try await next.finish() == .finished)
        }
        await safekeeper.registry.shutDown()
    }

    @Test func aSegmentsEndIsAnsweredAtOnce() async throws {
        let (safekeeper, files) = try TestSafekeeper.onDisk(time: ManualTime())
        let gate = DiskGate(files)
        let proposer = try TestProposer(safekeeper, id)
        try await proposer.elect()
        proposer.append(10)
        _ = try await proposer.response()
        gate.close()
        var ends = [proposer.append(10)]
        try await gate.untilSomebodyWaits()
        // Time stands still: no flush is due before the queue is dry. Segments are full on the way.
        for _ in 0..<19 { ends.append(proposer.append(100_000)) }
        try await eventually("all have arrived") {
            safekeeper.metrics.value("safekeeper_wal_receiver_queue_depth_total") == 19
        }
        gate.open()
        let last = try #require(ends.last)
        var responses: [LSN] = []
        while responses.last != last { responses.append(try await proposer.response().flush) }
        let size: UInt64 = 1 << 20
        let expected = stride(from: TestProposer.start.rawValue / size + 1, through: last.rawValue / size, by: 1)
            .compactMap { segment in ends.last { $0.rawValue <= segment * size } }
        #expect(Array(responses.dropLast()) == expected)
        #expect(try await proposer.finish() == .finished)
        await safekeeper.registry.shutDown()
    }

    @Test("A small commit in a stream that never ends is answered in the middle of it")
    func commitInAStream() async throws {
        let time = ManualTime()
        let (safekeeper, files) = try TestSafekeeper.onDisk(time: time)
        let proposer = try TestProposer(safekeeper, id)
        try await proposer.elect()
        // Into the next segment, so that none ends on the way: that would be answered, too.
        try await proposer.response(flushed: proposer.append(100_000))
        // Each write takes 3 ms, so that after two of them a flush is due; at the first and at the third the disk gets stuck.
        let writes = Mutex(0)
        let (first, second) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        files.intercept { operation, path throws(StorageError) in
            guard operation == .write, path.hasSuffix(".partial"), !path.contains("control") else { return }
            time.advance(by: .milliseconds(3))
            let number = writes.withLock { writes in
                writes += 1
                return writes
            }
            if number == 1 { first.wait() }
            if number == 3 { second.wait() }
        }
        let commit = proposer.append(10)
        // Before others come, with which it would be written.
        try await eventually("it is written") { writes.withLock { $0 } == 1 }
        var end = commit
        for _ in 0..<19 { end = proposer.append(100_000) }
        try await eventually("they wait for the disk") {
            safekeeper.metrics.value("safekeeper_wal_receiver_queue_depth_total") == 19
        }
        first.signal()
        // The queue is not dry, and won't be, as the disk is stuck before a segment is full.
        let response = try await proposer.response(flushed: commit)
        #expect(response.flush < end)
        #expect(safekeeper.metrics.value("safekeeper_wal_receiver_queue_depth_total") > 0)
        second.signal()
        try await proposer.response(flushed: end)
        #expect(try await proposer.finish() == .finished)
        await safekeeper.registry.shutDown()
    }

    @Test("What is done on disk is measured: segments, writes, flushes, control files")
    func storageMetrics() async throws {
        let (safekeeper, _) = try TestSafekeeper.onDisk()
        let proposer = try TestProposer(safekeeper, id)
        try await proposer.elect()
        var written = 0
        for _ in 0..<5 {
            written += 1 << 20
            try await proposer.response(flushed: proposer.append(1 << 20))
        }
        #expect(try await proposer.finish() == .finished)
        func samples(_ name: String, _ operation: String? = nil) -> [Double] {
            let labels = operation.map { [("operation", $0)] } ?? []
            return safekeeper.metrics.record("safekeeper_" + name, labels)?.samples ?? []
        }
        #expect(samples("wal_storage_operation_seconds", "initialize_first_segment").count == 1)
        #expect(samples("wal_storage_operation_seconds", "initialize_segment").count == 5)
        #expect(samples("wal_storage_operation_seconds", "truncate_wal").count == 1)
        #expect(samples("write_wal_bytes").reduce(0, +) > Double(written))
        #expect(samples("write_wal_bytes").count == samples("write_wal_seconds").count)
        #expect((5...20).contains(samples("flush_wal_seconds").count))
        // At the creation, for the vote, and for the election.
        #expect(samples("persist_control_file_seconds").count == 3)
        for name in ["write_wal_seconds", "flush_wal_seconds", "persist_control_file_seconds"] {
            #expect(samples(name).allSatisfy { $0 > 0 && $0 < 20 }, "\(name)")
        }
        await safekeeper.registry.shutDown()
    }

    @Test func feedbackGoesOutWithTheLastAnswer() async throws {
        let (safekeeper, _) = try TestSafekeeper.onDisk()
        let proposer = try TestProposer(safekeeper, id)
        try await proposer.elect()
        let timeline = try safekeeper.registry.timeline(id)
        // Nothing was answered yet: it is dropped.
        timeline.receivers.send(PageserverFeedback(lastReceived: LSN(1)))
        timeline.receivers.standby = StandbyHorizons(xmin: 77, catalogXmin: 78)
        let end = proposer.append(100)
        var response = try await proposer.response()
        #expect(response.flush == end && response.pageserver == nil)
        #expect(response.standby == StandbyHorizons(xmin: 77, catalogXmin: 78))
        for lsn in [LSN(2), LSN(3)] {
            timeline.receivers.send(PageserverFeedback(lastReceived: lsn))
            let repeated = try await proposer.response()
            response.pageserver = PageserverFeedback(lastReceived: lsn)
            #expect(repeated == response)
        }
        // A second connection has none of its own yet.
        let other = try TestProposer(safekeeper, id, number: 2)
        other.send(other.greeting())
        _ = try await other.answer()
        timeline.receivers.send(PageserverFeedback(lastReceived: LSN(4)))
        _ = try await proposer.response()
        other.disconnect()
        _ = try await other.ending.value.get()
        await #expect(throws: TestProposer.NoAnswer.self) { try await other.answer() }
        #expect(try await proposer.finish() == .finished)
        await safekeeper.registry.shutDown()
    }

    @Test func anOlderProposerIsToldTheTerm() async throws {
        let (safekeeper, _) = try TestSafekeeper.onDisk()
        let old = try TestProposer(safekeeper, id)
        try await old.elect()
        let new = try TestProposer(safekeeper, id, number: 2)
        try await new.elect()
        new.append(10)
        _ = try await new.response()
        old.append(10)
        let response = try await old.response()
        #expect(response.term == Term(2) && response.flush == .invalid && response.commit == .invalid)
        for proposer in [old, new] { #expect(try await proposer.finish() == .finished) }
        await safekeeper.registry.shutDown()
    }

    @Test func aRefusedMessageEndsTheConnectionAndKeepsWhatWasBefore() async throws {
        let (safekeeper, _) = try TestSafekeeper.onDisk()
        let proposer = try TestProposer(safekeeper, id)
        try await proposer.elect()
        let end = proposer.append(10)
        let gap = AppendRequest(
            generation: .invalid,
            term: Term(1),
            begin: end + 4096,
            end: end + 4096,
            commit: .invalid,
            truncate: .invalid
        )
        proposer.send(.append(gap))
        let error = await #expect(throws: WALAcceptorError.self) { try await proposer.ending.value.get() }
        #expect(error.map { "\($0)".hasPrefix("WAL acceptor: append request creates gap in written WAL") } == true)
        #expect(try safekeeper.registry.timeline(id).watch.current.flushLSN == end)
        #expect(safekeeper.metrics.value("safekeeper_proposer_acceptor_messages_total", [("outcome", "error")]) == 1)
        await safekeeper.registry.shutDown()
    }
}
