import PostgresWAL
import ReplicationProtocol
import Testing
import WalProposer

/// WAL, its bounds, commits, donors and time.
@Suite struct ProposerStreamingTests {
    private let start = ProposerConfiguration.timelineStart.rawValue

    /// A proposer that was elected in term 5 with these voters' positions.
    private func elected(
        _ flushes: [UInt64],
        count: Int = 3,
        limits: ProposerLimits = ProposerLimits()
    ) throws -> ProposerHarness {
        var harness = ProposerHarness(try .test(count: count, limits: limits))
        harness.step(.start)
        for member in flushes.indices { try harness.greet(member, term: 4) }
        for (member, flush) in flushes.enumerated() {
            try harness.receive(.vote(term: 5, flush: flush, history: flush == 0 ? [] : [(1, 0x80)]), from: member)
        }
        return harness
    }

    /// The sheet's example: flush {0/1500100, 0/1500080, none}, term start 0/1500000 → 0/1500080.
    @Test func commitExample() throws {
        var harness = try elected([0x150_0000, 0x150_0000])
        harness.step(.walAvailable(upTo: LSN(0x150_0200)))
        #expect(try harness.receive(.appended(term: 5, flush: 0x150_0100), from: 0).commits.isEmpty)
        let actions = try harness.receive(.appended(term: 5, flush: 0x150_0080), from: 1)
        #expect(actions.commits == [LSN(0x150_0080)])
        // All that are streamed to are told, after a moment for WAL to take it along.
        #expect(actions.appends.isEmpty)
        #expect(harness.step(.tick, after: .microseconds(999)).isEmpty)
        let notices = harness.step(.tick, after: .microseconds(1)).appends
        #expect(notices.map(\.member) == [0, 1])
        #expect(notices.allSatisfy { $0.request.commit == LSN(0x150_0080) && $0.request.isHeartbeat })
        #expect(harness.step(.tick, after: .milliseconds(5)).isEmpty)
        #expect(harness.proposer.commit == LSN(0x150_0080))
        // Nothing was heard of the third, so nothing may be forgotten.
        #expect(harness.proposer.truncate == .invalid)
    }

    @Test func walTakesTheCommitPositionAlong() throws {
        var harness = try elected([0x1000, 0x1000])
        harness.step(.walAvailable(upTo: LSN(0x2000)))
        try harness.receive(.appended(term: 5, flush: 0x2000), from: 0)
        #expect(try harness.receive(.appended(term: 5, flush: 0x2000), from: 1).commits == [LSN(0x2000)])
        let appends = harness.step(.walAvailable(upTo: LSN(0x3000)), after: .microseconds(500)).appends
        #expect(appends.map(\.member) == [0, 1] && appends.allSatisfy { $0.request.commit == LSN(0x2000) })
        // The next one's moment begins when it is there, not when the first one's did.
        try harness.receive(.appended(term: 5, flush: 0x3000), from: 0)
        #expect(try harness.receive(.appended(term: 5, flush: 0x3000), from: 1).commits == [LSN(0x3000)])
        #expect(harness.step(.tick, after: .microseconds(600)).isEmpty)
        #expect(harness.step(.tick, after: .microseconds(400)).appends.count == 2)
    }

    /// A safekeeper that may not be sent anything when the others are told is told when it may.
    @Test func aCommitPositionIsNotForgotten() throws {
        var limits = ProposerLimits()
        limits.maximumUnansweredRequests = 2
        var harness = try elected([0x1000, 0x1000, 0x1000], limits: limits)
        for end in [0x2000, 0x3000, 0x4000] as [UInt64] {
            harness.step(.walAvailable(upTo: LSN(end)))
            for member in 0..<2 { try harness.receive(.appended(term: 5, flush: end), from: member) }
        }
        let notices = harness.step(.tick, after: .milliseconds(1)).appends
        #expect(notices.map(\.member) == [0, 1])
        let late = try harness.receive(.appended(term: 5, flush: 0x2000), from: 2).appends
        #expect(late.last?.request.commit == LSN(0x4000))
    }

    @Test func withoutADelayEverybodyIsToldAtOnce() throws {
        var limits = ProposerLimits()
        limits.commitNoticeDelay = .zero
        var harness = try elected([0x1000, 0x1000], limits: limits)
        harness.step(.walAvailable(upTo: LSN(0x2000)))
        try harness.receive(.appended(term: 5, flush: 0x2000), from: 0)
        let appends = try harness.receive(.appended(term: 5, flush: 0x2000), from: 1).appends
        #expect(appends.map(\.member) == [0, 1] && appends.allSatisfy { $0.request.commit == LSN(0x2000) })
    }

    /// The second half of the example: positions before the term's start do not count.
    @Test func olderTermsDoNotCommit() throws {
        var harness = ProposerHarness(try .test())
        harness.step(.start)
        for member in 0..<2 { try harness.greet(member, term: 4) }
        try harness.receive(.vote(term: 5, flush: 0x150_0000, history: [(1, 0x80)]), from: 0)
        try harness.receive(.vote(term: 5, flush: 0x14F_FE00, history: [(1, 0x80)]), from: 1)
        harness.step(.walAvailable(upTo: LSN(0x150_0200)))
        try harness.receive(.appended(term: 5, flush: 0x150_0100), from: 0)
        #expect(try harness.receive(.appended(term: 5, flush: 0x14F_FF00), from: 1).commits.isEmpty)
        #expect(try harness.receive(.appended(term: 5, flush: 0x150_0000), from: 1).commits == [LSN(0x150_0000)])
    }

    @Test func piecesOfAtMost128KiB() throws {
        var harness = try elected([0x1000, 0x1000])
        let actions = harness.step(.walAvailable(upTo: LSN(0x1000 + 300_000)))
        let sizes: [UInt64] = [131_072, 131_072, 37_856]
        var expected: [Range<LSN>] = []
        var position = LSN(0x1000)
        for size in sizes {
            expected.append(position..<(position + size))
            position += size
        }
        #expect(actions.appends.filter { $0.member == 1 }.map { $0.request.begin..<$0.request.end } == expected)
        #expect(actions.appends.allSatisfy { $0.wal == .server && $0.request.term == Term(5) })
        // WAL that was there already is nothing new.
        #expect(harness.step(.walAvailable(upTo: LSN(0x1000))).isEmpty)
    }

    @Test func bytesInFlightAreBounded() throws {
        var limits = ProposerLimits()
        limits.maximumInFlightBytes = 200_000
        var harness = try elected([0x1000, 0x1000], limits: limits)
        let end = 0x1000 + 10_000_000
        var actions = harness.step(.walAvailable(upTo: LSN(UInt64(end))))
        #expect(actions.appends.filter { $0.member == 0 }.last?.request.end == LSN(0x1000 + 200_000))
        // What was reported makes room for as much.
        actions = try harness.receive(.appended(term: 5, flush: 0x1000 + 150_000), from: 0)
        #expect(actions.appends.filter { $0.member == 0 }.last?.request.end == LSN(0x1000 + 350_000))
        // An answer without progress allows one more message: the record may be longer than the bound.
        actions = try harness.receive(.appended(term: 5, flush: 0x1000 + 150_000), from: 0)
        #expect(actions.appends.map(\.request.end) == [LSN(0x1000 + 350_000 + 131_072)])
    }

    @Test func unansweredRequestsAreBounded() throws {
        var limits = ProposerLimits()
        limits.maximumUnansweredRequests = 4
        var harness = try elected([0x1000, 0x1000], limits: limits)
        // The first request went out with the election.
        for step in UInt64(1)...3 {
            #expect(harness.step(.walAvailable(upTo: LSN(0x1000 + 8 * step))).appends.count == 2)
        }
        #expect(harness.step(.walAvailable(upTo: LSN(0x1100))).isEmpty)
        // Heartbeats wait as well, and time does not run in circles: the next is a timeout.
        var timers: [Duration] = []
        for action in harness.proposer.handle(.tick, at: .seconds(2)) {
            if case .setTimer(let time) = action { timers.append(time) }
        }
        #expect(timers.count == 1 && timers[0] >= .seconds(2))
        let actions = try harness.receive(.appended(term: 5, flush: 0x1008), from: 0)
        #expect(actions.appends.map(\.request.begin) == [LSN(0x1018)])
        #expect(actions.appends.map(\.request.end) == [LSN(0x1100)])
    }

    /// Safekeepers may count the rest of a segment before they have it.
    @Test func positionsBeyondWhatWasSent() throws {
        var harness = try elected([0x1000, 0x1000])
        harness.step(.walAvailable(upTo: LSN(0x2000)))
        try harness.receive(.appended(term: 5, flush: 0x1800), from: 0)
        #expect(try harness.receive(.appended(term: 5, flush: 0x1800), from: 1).commits == [LSN(0x1800)])
        // No record ends where the sending has got to, so that is no position to commit at: the segment's end is.
        try harness.receive(.appended(term: 5, flush: 0x100_0000), from: 0)
        #expect(try harness.receive(.appended(term: 5, flush: 0x100_0000), from: 1).commits.isEmpty)
        #expect(harness.proposer.status.members.map(\.flush) == [LSN(0x1800), LSN(0x1800), .invalid])
        #expect(try harness.receive(.appended(term: 5, flush: .max), from: 1).failure == nil)
        do {
            var harness = harness
            harness.step(.walAvailable(upTo: LSN(0x100_0000)))
            try harness.receive(.appended(term: 5, flush: 0x100_0000), from: 0)
            #expect(try harness.receive(.appended(term: 5, flush: 0x100_0000), from: 1).commits == [LSN(0x100_0000)])
        }
        // On a new connection it may start there, but not further on.
        for (flush, isRefused) in [(UInt64(0x100_0000), false), (0x200_0000, true), (.max, true)] {
            var harness = harness
            try harness.disconnect(0)
            harness.step(.tick, after: .seconds(1))
            try harness.greet(0, term: 5)
            let vote = AcceptorMessage.vote(term: 5, given: false, flush: flush, history: [(1, 0x80), (5, 0x1000)])
            let actions = try harness.receive(vote, from: 0)
            #expect(actions.disconnected == (isRefused ? [0] : []))
            #expect(actions.appends.isEmpty == isRefused)
        }
    }

    /// The rest of a segment is sent at full speed: all that was sent of it is durable.
    @Test func theRestOfASegmentIsNotHeldUp() throws {
        var limits = ProposerLimits()
        limits.maximumInFlightBytes = 200_000
        var harness = try elected([0x1000, 0x1000], limits: limits)
        harness.step(.walAvailable(upTo: LSN(0x100_0000)))
        let actions = try harness.receive(.appended(term: 5, flush: 0x100_0000), from: 0)
        #expect(actions.appends.filter { $0.member == 0 }.last?.request.end == LSN(0x1000 + 400_000))
    }

    @Test func whatWasLostCountsNoMore() throws {
        var harness = try elected([0x1000, 0x1000])
        harness.step(.walAvailable(upTo: LSN(0x3000)))
        try harness.receive(.appended(term: 5, flush: 0x2000), from: 0)
        try harness.disconnect(0)
        harness.step(.tick, after: .seconds(1))
        #expect(harness.proposer.status.members[0].flush == LSN(0x2000))
        try harness.greet(0, term: 5)
        let actions = try harness.receive(
            .vote(term: 5, given: false, flush: 0x1800, history: [(1, 0x80), (5, 0x1000)]),
            from: 0
        )
        guard case .elected(let elected)? = actions.messages.first?.message else {
            Issue.record("not told of the election")
            return
        }
        #expect(elected.startStreamingAt == LSN(0x1800) && harness.proposer.status.members[0].flush == LSN(0x1800))
        #expect(actions.appends.map { $0.request.begin } == [LSN(0x1800)])
    }

    @Test func higherTermsAndGenerations() throws {
        var harness = try elected([0x1000, 0x1000])
        #expect(
            try harness.receive(.appended(term: 6, flush: 0), from: 0).failure
                == .higherTerm(seen: Term(6), own: Term(5), safekeeper: "sk0:5454")
        )
        harness = try elected([0x1000, 0x1000])
        #expect(
            try harness.receive(.appended(term: 5, flush: 0, generation: 2), from: 0).failure
                == .newerGeneration(seen: Generation(2), own: .invalid, safekeeper: "sk0:5454")
        )
        harness = try elected([0x1000, 0x1000])
        #expect(try harness.receive(.appended(term: 4, flush: 0), from: 0).disconnected == [0])
        harness = try elected([0x1000, 0x1000])
        #expect(
            try harness.greet(2, term: 6).failure
                == .higherTerm(seen: Term(6), own: Term(5), safekeeper: "sk2:5454")
        )
    }

    // MARK: - WAL that is not on the server

    @Test func laggingMemberIsServedByADonor() throws {
        var harness = try elected([0x5000, 0x5000])
        harness.step(.walAvailable(upTo: LSN(0x6000)))
        try harness.receive(.appended(term: 5, flush: 0x6000), from: 1)
        harness.step(.walRemoved(before: LSN(0x5800)))
        try harness.greet(2, term: 0)
        let actions = try harness.receive(.vote(term: 5), from: 2)
        let appends = actions.appends.map { ($0.request.begin.rawValue, $0.request.end.rawValue, $0.wal) }
        #expect(appends.count == 2)
        #expect(appends[0] == (0x80, 0x5800, .donor(1)))
        #expect(appends[1] == (0x5800, 0x6000, .server))
        // A donor that fails is asked last.
        let connection = try #require(harness.connections[2])
        #expect(harness.step(.walUnreadable(connection, source: .donor(1), reason: "gone")).disconnected == [2])
        harness.step(.tick, after: .seconds(5))
        try harness.greet(2, term: 5)
        let retried = try harness.receive(.vote(term: 5, given: false), from: 2)
        #expect(retried.appends.first?.wal == .donor(0))
        #expect(retried.appends.first?.request.end == LSN(0x5000))
    }

    @Test func withoutADonorALaggingMemberWaits() throws {
        var harness = ProposerHarness(try .test(count: 1))
        harness.step(.start)
        try harness.greet(0, term: 4)
        harness.step(.walRemoved(before: LSN(0x9000)))
        let actions = try harness.receive(.vote(term: 5, flush: 0x5000, history: [(1, 0x80)]), from: 0)
        #expect(actions.appends.map(\.request.isHeartbeat) == [true])
        #expect(harness.step(.walAvailable(upTo: LSN(0xA000))).isEmpty)
        #expect(harness.step(.tick, after: .seconds(1)).appends.map(\.request.isHeartbeat) == [true])
    }

    // MARK: - Time

    @Test func heartbeatsAndTimeouts() throws {
        var harness = try elected([0x1000, 0x1000])
        #expect(harness.step(.tick, after: .milliseconds(900)).isEmpty)
        let beats = harness.step(.tick, after: .milliseconds(100))
        #expect(beats.appends.map(\.member) == [0, 1] && beats.appends.allSatisfy(\.request.isHeartbeat))
        #expect(Set(beats.connecting).isEmpty)
        try harness.receive(.appended(term: 5, flush: 0x1000), from: 1)
        // Member 2 never connected, member 0 never answered.
        let late = harness.step(.tick, after: .seconds(9))
        #expect(Set(late.disconnected) == [0, 2])
        let again = harness.step(.tick, after: .milliseconds(400))
        #expect(Set(again.connecting) == [0, 2])
    }

    /// A safekeeper whose disk is full votes, and ends the connection with the first WAL.
    @Test func whoTakesNoWALIsAskedLessAndLessOften() throws {
        var harness = try elected([0x1000, 0x1000])
        harness.step(.walAvailable(upTo: LSN(0x2000)))
        try harness.receive(.appended(term: 5, flush: 0x1000), from: 1)
        for delay in [200, 400, 800, 1600, 3200, 5000, 5000] {
            try harness.disconnect(1)
            let before = harness.step(.tick, after: .milliseconds(delay) - .microseconds(1))
            #expect(!before.connecting.contains(1), "\(delay)")
            #expect(harness.step(.tick, after: .microseconds(1)).connecting.contains(1), "\(delay)")
            try harness.greet(1, term: 5)
            try harness.receive(.vote(term: 5, flush: 0x1000, history: [(1, 0x80)]), from: 1)
            try harness.receive(.appended(term: 5, flush: 0x1000), from: 1)
        }
        // It has space again.
        try harness.receive(.appended(term: 5, flush: 0x2000), from: 1)
        try harness.disconnect(1)
        #expect(harness.step(.tick, after: .milliseconds(200)).connecting.contains(1))
    }

    @Test func reconnectionsBackOff() throws {
        var harness = ProposerHarness(try .test(count: 1))
        harness.step(.start)
        var delays: [Duration] = []
        for _ in 0..<8 {
            let connection = try #require(harness.connections[0])
            let actions = harness.proposer.handle(.disconnected(connection, reason: "refused"), at: harness.now)
            guard case .setTimer(let time)? = actions.last else {
                Issue.record("no timer")
                return
            }
            delays.append(time - harness.now)
            #expect(harness.step(.tick, after: time - harness.now).connecting == [0])
        }
        #expect(delays == [200, 400, 800, 1600, 3200, 5000, 5000, 5000].map { .milliseconds($0) })
        #expect(harness.proposer.status.members[0].problem == "refused")
    }

    @Test func waitingForAQuorumIsNoError() throws {
        var harness = ProposerHarness(try .test())
        harness.step(.start)
        try harness.greet(0)
        for _ in 0..<100 {
            let actions = harness.step(.tick, after: .seconds(7))
            #expect(actions.failure == nil && !actions.disconnected.contains(0))
        }
        #expect(harness.proposer.phase == .collectingTerms && !harness.proposer.status.hasQuorum)
    }
}
