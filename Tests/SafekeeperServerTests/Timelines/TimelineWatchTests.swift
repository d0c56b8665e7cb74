import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import TestFixtures
import Testing

@Suite("Waiting for a timeline to get on")
struct TimelineWatchTests {
    private func snapshot(commit: UInt64 = 0, flush: UInt64 = 0, term: UInt64 = 0, unsaved: UInt64? = nil)
        -> TimelineSnapshot
    {
        var snapshot = TimelineSnapshot()
        snapshot.commitLSN = LSN(commit)
        snapshot.flushLSN = LSN(flush)
        snapshot.term = Term(term)
        snapshot.lastLogTerm = Term(term)
        snapshot.unsavedDistance = unsaved
        return snapshot
    }

    @Test func whatIsThereIsGivenAtOnce() async throws {
        let watch = TimelineWatch(snapshot(commit: 5, flush: 9, term: 2, unsaved: 4))
        let conditions: [TimelineCondition] = [
            .committed(beyond: LSN(4)), .flushed(beyond: LSN(8)), .flushed(beyond: LSN(100), in: Term(1)),
            .committed(beyond: LSN(100), in: Term(3)), .unsaved(by: 4), .unsaved(by: 0),
        ]
        for condition in conditions { #expect(try await watch.wait(for: condition) == watch.current) }
        #expect(watch.waiterCount == 0)
    }

    @Test(
        "Each kind of condition, by what it is met and by what not",
        arguments: [
            (.committed(beyond: LSN(7)), [(7, 100, 5, nil)], (8, 0, 5, nil)),
            (.flushed(beyond: LSN(7)), [(100, 7, 5, nil)], (0, 8, 5, nil)),
            (.committed(beyond: LSN(7), in: Term(5)), [(7, 100, 5, nil)], (0, 0, 6, nil)),
            (.flushed(beyond: LSN(7), in: Term(5)), [(7, 7, 5, nil)], (0, 0, 6, nil)),
            (.flushed(beyond: LSN(7)), [(7, 7, 6, nil), (7, 7, 7, nil)], (9, 9, 9, nil)),
            (.unsaved(by: 10), [(99, 99, 5, 9), (99, 99, 5, nil)], (0, 0, 5, 10)),
        ] as [(TimelineCondition, [(UInt64, UInt64, UInt64, UInt64?)], (UInt64, UInt64, UInt64, UInt64?))]
    )
    func conditions(
        condition: TimelineCondition,
        others: [(UInt64, UInt64, UInt64, UInt64?)],
        met: (UInt64, UInt64, UInt64, UInt64?)
    ) async throws {
        let watch = TimelineWatch(snapshot(term: 5))
        let waiting = Task { try await watch.wait(for: condition) }
        try await eventually("the task waits") { watch.waiterCount == 1 }
        for (commit, flush, term, unsaved) in others {
            watch.publish(snapshot(commit: commit, flush: flush, term: term, unsaved: unsaved))
            #expect(watch.waiterCount == 1)
        }
        let last = snapshot(commit: met.0, flush: met.1, term: met.2, unsaved: met.3)
        watch.publish(last)
        #expect(watch.waiterCount == 0)
        #expect(try await waiting.value == last)
    }

    @Test func cancellationEndsWaits() async throws {
        let watch = TimelineWatch()
        let waiting = Task { try await watch.wait(for: .committed(beyond: LSN(1))) }
        try await eventually("the task waits") { watch.waiterCount == 1 }
        waiting.cancel()
        await #expect(throws: TimelineWatch.Interruption.taskCancelled) { try await waiting.value }
        #expect(watch.waiterCount == 0)

        let others = (0..<10).map { _ in Task { try await watch.wait(for: .committed(beyond: LSN(1))) } }
        try await eventually("the tasks wait") { watch.waiterCount == 10 }
        watch.cancel()
        for other in others {
            await #expect(throws: TimelineWatch.Interruption.timelineCancelled) { try await other.value }
        }
        await #expect(throws: TimelineWatch.Interruption.timelineCancelled) {
            try await watch.wait(for: .committed(beyond: LSN(1)))
        }
    }

    @Test func aDeadlineEndsAWait() async throws {
        let watch = TimelineWatch()
        let time = ManualTime()
        let deadline = time.now + .seconds(1)
        let waiting = Task { try await watch.wait(for: .committed(beyond: LSN(1)), until: deadline, by: time) }
        try await eventually("the task sleeps") { time.sleeperCount == 1 && watch.waiterCount == 1 }
        time.advance(by: .seconds(1))
        #expect(try await waiting.value == nil)
        #expect(watch.waiterCount == 0)

        let other = Task {
            try await watch.wait(for: .committed(beyond: LSN(1)), until: time.now + .seconds(1), by: time)
        }
        try await eventually("the task sleeps") { time.sleeperCount == 1 && watch.waiterCount == 1 }
        watch.publish(snapshot(commit: 2))
        #expect(try await other.value?.commitLSN == LSN(2))
        #expect(time.sleeperCount == 0)
    }

    @Test("Hundreds wait again and again, some give up: none misses what it waits for")
    func noLostWakeUps() async throws {
        let watch = TimelineWatch()
        let end: UInt64 = 2000
        try await withThrowingTaskGroup { group in
            for number in 0..<300 {
                group.addTask {
                    var random = SeededGenerator(seed: UInt64(number))
                    var seen: UInt64 = 0
                    while seen < end {
                        let condition: TimelineCondition =
                            number.isMultiple(of: 2) ? .committed(beyond: LSN(seen)) : .flushed(beyond: LSN(seen))
                        let waiting = Task { try await watch.wait(for: condition) }
                        let givesUp = random.chance(1, in: 8)
                        if givesUp { waiting.cancel() }
                        do {
                            let snapshot = try await waiting.value
                            #expect(condition.isMet(by: snapshot))
                            seen = snapshot.commitLSN.rawValue
                        } catch TimelineWatch.Interruption.taskCancelled {
                            #expect(givesUp)
                        }
                    }
                }
            }
            group.addTask {
                for lsn in 1...end {
                    watch.publish(snapshot(commit: lsn, flush: lsn))
                    if lsn.isMultiple(of: 16) { await Task.yield() }
                }
            }
            try await group.waitForAll()
        }
        #expect(watch.waiterCount == 0)
    }
}
