import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import StorageSimulation
import Synchronization
import Testing

@Suite("The control file is stored beside the stream")
struct ControlFileFlushTests {
    private let id = TenantTimelineID(1, 2)
    private let segment: UInt64 = 1 << 20

    /// Counts what is done to control files.
    private func watchControlFiles(_ files: InterceptedFileSystem) -> Counter {
        let counter = Counter()
        files.intercept { operation, path throws(StorageError) in
            if operation == .synchronize && path.hasSuffix("safekeeper.control.partial") { counter.increment() }
        }
        return counter
    }

    private final class Counter: Sendable {
        private let storage = Mutex(0)
        var value: Int { storage.withLock { $0 } }
        func increment() { storage.withLock { $0 += 1 } }
    }

    @Test("Not on the way of a message; by the manager once it is a segment behind")
    func offThePath() async throws {
        let time = ManualTime()
        let (safekeeper, files) = try TestSafekeeper.onDisk(time: time)
        let proposer = try TestProposer(safekeeper, id)
        let start = try await proposer.elect()
        var end = try await proposer.response(flushed: proposer.append(100)).flush
        // Whatever a commit LSN does for the first time in a term is behind us.
        proposer.heartbeat(commit: end)
        _ = try await proposer.response()
        let saves = watchControlFiles(files)
        let timeline = try safekeeper.registry.timeline(id)
        // The manager was woken by that and pauses, beside the task that samples the queue, or it waits already. Moving
        // the time before it is there would leave it in a pause that never ends.
        try await eventually("the manager pauses or waits") {
            time.sleeperCount == 2 || timeline.watch.waiterCount == 1
        }
        time.advance(by: .seconds(1))
        // It stands aside as long as time does: from here on all that is stored were stored by messages.
        try await eventually("the manager waits") { timeline.watch.waiterCount == 1 }
        let persisted = timeline.watch.current.persistedCommitLSN
        while end.rawValue < persisted.rawValue + segment - 20_000 {
            end = try await proposer.response(flushed: proposer.append(10_000, commit: end)).flush
        }
        proposer.heartbeat(commit: end)
        _ = try await proposer.response()
        #expect(timeline.watch.current.commitLSN == end)
        #expect(timeline.watch.current.unsavedDistance == end.rawValue - persisted.rawValue)
        #expect(saves.value == 0)
        #expect(try await timeline.control().commitLSN == end)
        // One more, and it is a segment.
        end = try await proposer.response(flushed: proposer.append(30_000)).flush
        proposer.heartbeat(commit: end)
        _ = try await proposer.response()
        try await eventually("the control file is stored") { timeline.watch.current.persistedCommitLSN == end }
        #expect(saves.value == 1)
        // Not again before the refresh interval is over, however much comes.
        for _ in 0..<3 {
            let next = try await proposer.response(flushed: proposer.append(Int(segment))).flush
            proposer.heartbeat(commit: next)
            _ = try await proposer.response()
        }
        #expect(saves.value == 1)
        try await eventually("the manager sleeps") { time.sleeperCount >= 2 }
        time.advance(by: .milliseconds(300))
        try await eventually("the control file is stored") { timeline.watch.current.unsavedDistance == nil }
        #expect(saves.value == 2)
        #expect(start < end)
        #expect(try await proposer.finish() == .finished)
        await safekeeper.registry.shutDown()
        #expect(time.sleeperCount == 0)
    }

    @Test("After the interval a little is worth it; without anything new nothing ever happens")
    func interval() async throws {
        let time = ManualTime()
        let (safekeeper, files) = try TestSafekeeper.onDisk(time: time)
        let proposer = try TestProposer(safekeeper, id)
        try await proposer.elect()
        let end = try await proposer.response(flushed: proposer.append(100)).flush
        proposer.heartbeat(commit: end)
        _ = try await proposer.response()
        let later = try await proposer.response(flushed: proposer.append(100)).flush
        proposer.heartbeat(commit: later)
        _ = try await proposer.response()
        #expect(try await proposer.finish() == .finished)
        let saves = watchControlFiles(files)
        let timeline = try safekeeper.registry.timeline(id)
        #expect(timeline.watch.current.unsavedDistance != nil)
        try await eventually("the manager sleeps") { time.sleeperCount == 1 }
        time.advance(by: .milliseconds(300))
        try await eventually("the manager waits for the interval") {
            timeline.watch.waiterCount == 1 && time.sleeperCount == 1
        }
        time.advance(by: .seconds(299))
        #expect(saves.value == 0)
        time.advance(by: .seconds(1))
        try await eventually("the control file is stored") { timeline.watch.current.persistedCommitLSN == later }
        #expect(saves.value == 1)
        try await eventually("the manager sleeps") { time.sleeperCount == 1 }
        time.advance(by: .milliseconds(300))
        // Idle from here on: it doesn't even wake up.
        try await eventually("the manager waits for something to do") {
            timeline.watch.waiterCount == 1 && time.sleeperCount == 0
        }
        let (sleeps, iterations) = (time.sleepCount, safekeeper.metrics.value("safekeeper_manager_iterations_total"))
        for _ in 0..<10 { time.advance(by: .seconds(1000)) }
        try await timeline.withUse {}
        #expect(time.sleepCount == sleeps)
        #expect(safekeeper.metrics.value("safekeeper_manager_iterations_total") == iterations)
        #expect(saves.value == 1)
        await safekeeper.registry.shutDown()
    }
}
