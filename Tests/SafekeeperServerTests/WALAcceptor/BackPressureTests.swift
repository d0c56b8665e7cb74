import Logging
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import StorageSimulation
import Testing

@Suite("A proposer and a disk that is stuck")
struct BackPressureTests {
    private let id = TenantTimelineID(1, 2)
    private let depthTotal = "safekeeper_wal_receiver_queue_depth_total"
    private let sizeTotal = "safekeeper_wal_receiver_queue_size_total"

    /// A safekeeper, its time, a proposer that streams, and a disk that is stuck with one message.
    private func stuck() async throws -> (TestSafekeeper, ManualTime, DiskGate, TestProposer) {
        let time = ManualTime()
        let (safekeeper, files) = try TestSafekeeper.onDisk(time: time)
        let gate = DiskGate(files)
        let proposer = try TestProposer(safekeeper, id)
        try await proposer.elect()
        proposer.append(10)
        _ = try await proposer.response()
        gate.close()
        proposer.append(10)
        try await gate.untilSomebodyWaits()
        return (safekeeper, time, gate, proposer)
    }

    private func slowLines(_ safekeeper: TestSafekeeper) -> [String] {
        safekeeper.log.lines.filter { $0.message.hasPrefix("slow WalAcceptor") }.map { line in
            #expect(line.timeline == "\(id)" && line.level == .warning)
            return line.message
        }
    }

    @Test("So many messages wait, and so many bytes", arguments: [(10, 256), (100_000, 20)])
    func bounds(size: Int, count: Int) async throws {
        let (safekeeper, time, gate, proposer) = try await stuck()
        var end = LSN.invalid
        for _ in 0..<(count + 50) { end = proposer.append(size) }
        // The queue is full, and one more message stands before it: the one that the log would tell of.
        try await eventually("the reader waits") { time.sleeperCount == 2 }
        #expect(safekeeper.metrics.value(depthTotal) == Double(count))
        #expect(safekeeper.metrics.value(sizeTotal) <= Double(2 << 20))
        gate.open()
        try await proposer.response(flushed: end)
        #expect(try await proposer.finish() == .finished)
        for name in [depthTotal, sizeTotal, "safekeeper_wal_receivers"] {
            #expect(safekeeper.metrics.record(name)?.value == 0 && safekeeper.metrics.record(name)?.minimum == 0)
        }
        #expect(slowLines(safekeeper).isEmpty)
        await safekeeper.registry.shutDown()
    }

    @Test func blockedForLongIsLoggedOnceAndItsEndToo() async throws {
        let (safekeeper, time, gate, proposer) = try await stuck()
        var end = LSN.invalid
        for _ in 0..<300 { end = proposer.append(10) }
        try await eventually("the reader waits") { time.sleeperCount == 2 }
        time.advance(by: .milliseconds(4999))
        #expect(slowLines(safekeeper).isEmpty)
        time.advance(by: .milliseconds(1))
        try await eventually("it is logged") { slowLines(safekeeper) == ["slow WalAcceptor send blocked for 5.000s"] }
        // Twice meanwhile the queue's depth was sampled.
        try await eventually("the depth is sampled") {
            safekeeper.metrics.record("safekeeper_wal_receiver_queue_depth")?.samples == [256]
        }
        try await eventually("only the sampling task sleeps") { time.sleeperCount == 1 }
        time.advance(by: .milliseconds(7040))
        try await eventually("the depth is sampled") {
            safekeeper.metrics.record("safekeeper_wal_receiver_queue_depth")?.samples == [256, 256]
        }
        #expect(slowLines(safekeeper).count == 1)
        gate.open()
        try await proposer.response(flushed: end)
        #expect(
            slowLines(safekeeper) == [
                "slow WalAcceptor send blocked for 5.000s", "slow WalAcceptor send completed after 12.040s",
            ]
        )
        #expect(try await proposer.finish() == .finished)
        await safekeeper.registry.shutDown()
        #expect(time.sleeperCount == 0)
    }

    @Test func blockedForAlmostAsLongIsNot() async throws {
        let (safekeeper, time, gate, proposer) = try await stuck()
        var end = LSN.invalid
        for _ in 0..<300 { end = proposer.append(10) }
        try await eventually("the reader waits") { time.sleeperCount == 2 }
        time.advance(by: .milliseconds(4900))
        gate.open()
        try await proposer.response(flushed: end)
        time.advance(by: .milliseconds(4900))
        #expect(try await proposer.finish() == .finished)
        #expect(slowLines(safekeeper).isEmpty)
        await safekeeper.registry.shutDown()
    }

    @Test("Answers that nobody takes stop the messages, not the deletion")
    func deafProposer() async throws {
        let (safekeeper, _) = try TestSafekeeper.onDisk()
        let proposer = try TestProposer(safekeeper, id) { batch in
            if case .voteResponse(let vote) = batch.last, !vote.voteGiven { try await Task.sleep(for: .seconds(1000)) }
        }
        try await proposer.elect()
        let timeline = try safekeeper.registry.timeline(id)
        // Each is answered: at most 16 are being sent, 16 wait, and one has no room.
        for _ in 0..<60 { proposer.send(.voteRequest(VoteRequest(generation: .invalid, term: Term(1)))) }
        try await eventually("all have arrived") {
            timeline.receivers.count == 1 && safekeeper.metrics.value(depthTotal) >= 27
        }
        #expect(try await safekeeper.registry.delete(id))
        #expect(try await proposer.ending.value.get() == .timelineCancelled)
        #expect(timeline.gate.userCount == 0)
        #expect(safekeeper.metrics.value(depthTotal) == 0 && safekeeper.metrics.value(sizeTotal) == 0)
        await safekeeper.registry.shutDown()
    }

    @Test("Several writers: nothing is ever counted below zero")
    func totals() async throws {
        let (safekeeper, _) = try TestSafekeeper.onDisk()
        try await withThrowingTaskGroup { group in
            for number in 1...3 {
                group.addTask {
                    let proposer = try TestProposer(safekeeper, TenantTimelineID(1, UInt128(number)))
                    try await proposer.elect()
                    for _ in 0..<20 {
                        var end = LSN.invalid
                        for _ in 0..<50 { end = proposer.append(100) }
                        try await proposer.response(flushed: end)
                    }
                    #expect(safekeeper.metrics.value("safekeeper_wal_receivers") > 0)
                    #expect(try await proposer.finish() == .finished)
                }
            }
            try await group.waitForAll()
        }
        for name in [depthTotal, sizeTotal, "safekeeper_wal_receivers"] {
            #expect(safekeeper.metrics.record(name)?.value == 0 && safekeeper.metrics.record(name)?.minimum == 0)
        }
        await safekeeper.registry.shutDown()
    }
}
