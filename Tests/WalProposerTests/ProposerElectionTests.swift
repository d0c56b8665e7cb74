import PostgresWAL
import ReplicationProtocol
import TestFixtures
import Testing
import WalProposer

private typealias Disconnect = ProposerDisconnectReason

/// Greetings, votes and elections: `safekeeper-core.md` §1.9, §1.11.
@Suite struct ProposerElectionTests {
    private let start = ProposerConfiguration.timelineStart.rawValue

    @Test func firstElectionOfOneSafekeeper() throws {
        var harness = ProposerHarness(try .test(count: 1))
        let options = WALPushOptions(protocolNumber: 3, allowsTimelineCreation: true)
        let connection = ProposerConnection(member: 0, number: 1)
        #expect(harness.step(.start) == [.connect(connection, options)])

        #expect(try encoded(harness.connect(0)) == [vector("greeting")])
        let greeting = AcceptorGreeting(node: SafekeeperID(7), term: .initial)
        #expect(try encoded(harness.receive(.greeting(greeting), from: 0)) == [vector("vote")])
        #expect(harness.proposer.phase == .campaigning)

        let elected = try harness.receive(.vote(term: 1), from: 0)
        let election = try #require(harness.proposer.election)
        #expect(elected.first == .elected(election))
        let history = TermHistory.of([(1, start)])
        #expect(election.isFirst && election.start == LSN(start) && election.history == history)
        #expect(try encoded(elected) == [vector("elected"), vector("first append")])

        let answered = try harness.receive(.appended(flush: start, commit: start), from: 0)
        #expect(answered.commits == [LSN(start)])
        let told = try #require(harness.step(.tick, after: .milliseconds(1)).appends.first?.request)
        #expect(told.isHeartbeat && told.commit == LSN(start))
        #expect(try harness.receive(.appended(flush: start, commit: start), from: 0).isEmpty)
    }

    /// The messages of `safekeeper-core.md` §9.1 and §9.2.
    private func vector(_ name: String) -> String {
        switch name {
        case "greeting":
            "673030313132323333343435353636373738383939616162626363646465656666006666656564646363626261613939383837373636"
                + "35353434333332323131303000000000000000000000000000000249fa0123456789abcdef01000000"
        case "vote": "76000000000000000000000001"
        case "elected":
            "6500000000000000000000000100000000014ee15000000001000000000000000100000000014ee150"
        default:
            "6100000000000000000000000100000000014ee15000000000014ee150000000000000000000000000014ee150"
        }
    }

    private func encoded(_ actions: [ProposerAction]) throws -> [String] {
        actions.messages.map { hexadecimal($0.message) }
    }

    @Test func explicitlyCreatedTimeline() throws {
        var harness = ProposerHarness(try .test(count: 1, startLSN: nil))
        harness.step(.start)
        try harness.greet(0)
        let created: [(UInt64, UInt64)] = [(0, start)]
        let actions = try harness.receive(
            .vote(term: 1, flush: start, truncate: start, history: created),
            from: 0
        )
        let election = try #require(harness.proposer.election)
        let history = TermHistory.of([(0, start), (1, start)])
        #expect(!election.isFirst && election.history == history)
        let expected = ProposerElected(
            generation: .invalid,
            term: Term(1),
            startStreamingAt: LSN(start),
            history: election.history
        )
        #expect(actions.messages.first?.message == .elected(expected))
    }

    @Test func quorumOfGreetingsAndVotes() throws {
        for count in 1...9 {
            var harness = ProposerHarness(try .test(count: count))
            harness.step(.start)
            let quorum = count / 2 + 1
            for member in 0..<quorum {
                #expect(harness.proposer.phase == .collectingTerms)
                try harness.greet(member, term: UInt64(member))
            }
            #expect(harness.proposer.phase == .campaigning && harness.proposer.term == Term(UInt64(quorum)))
            for member in 0..<quorum {
                #expect(harness.proposer.phase == .campaigning)
                try harness.receive(.vote(term: UInt64(quorum)), from: member)
            }
            #expect(harness.proposer.phase == .elected)
            // The others are asked for their votes as they come.
            for member in quorum..<count {
                let asked = try harness.greet(member)
                #expect(
                    asked.messages.map(\.message) == [
                        .voteRequest(VoteRequest(generation: .invalid, term: Term(UInt64(quorum))))
                    ]
                )
                let told = try harness.receive(.vote(term: UInt64(quorum)), from: member)
                #expect(told.messages.count == 2)
            }
        }
    }

    /// One safekeeper that comes again and again is one safekeeper.
    @Test func reconnectingIsNoQuorum() throws {
        var harness = ProposerHarness(try .test())
        harness.step(.start)
        for _ in 0..<5 {
            try harness.greet(0)
            try harness.disconnect(0)
            harness.step(.tick, after: .seconds(10))
        }
        #expect(harness.proposer.phase == .collectingTerms)
        harness.step(.tick, after: .seconds(5))
        // Neither is a vote of one that has gone again.
        try harness.greet(0)
        try harness.greet(1)
        #expect(harness.proposer.phase == .campaigning)
        try harness.receive(.vote(term: 1), from: 0)
        try harness.disconnect(0)
        try harness.receive(.vote(term: 1), from: 1)
        #expect(harness.proposer.phase == .campaigning)
    }

    @Test func theMostAdvancedVoterIsContinued() throws {
        // Flush positions and histories of three voters, and who is continued.
        let cases: [([(UInt64, [(UInt64, UInt64)])], Int)] = [
            ([(800, [(1, 80)]), (960, [(1, 80)]), (160, [(1, 80)])], 1),
            ([(960, [(1, 80)]), (800, [(1, 80), (2, 800)]), (808, [(1, 80)])], 1),
            ([(0, []), (0, []), (80, [(0, 80)])], 2),
            ([(800, [(1, 80)]), (800, [(1, 80)]), (800, [(1, 80)])], 0),
            ([(960, [(1, 80), (3, 960)]), (968, [(1, 80), (2, 800)]), (0, [])], 0),
        ]
        for (voters, donor) in cases {
            var harness = ProposerHarness(try .test(startLSN: nil))
            harness.step(.start)
            for member in 0..<3 { try harness.greet(member, term: 4) }
            for member in [2, 0, 1] where member != donor {
                let (flush, history) = voters[member]
                // Two votes are a quorum: the one to be continued must be among the first two, so all others come late.
                if member == [2, 0, 1].first(where: { $0 != donor }) {
                    try harness.receive(.vote(term: 5, flush: flush, history: history), from: member)
                }
            }
            let (flush, history) = voters[donor]
            try harness.receive(.vote(term: 5, flush: flush, truncate: 8, history: history), from: donor)
            let election = try #require(harness.proposer.election)
            let continued = TermHistory.of(history + [(5, flush)])
            #expect(election.donor == donor && election.start == LSN(flush))
            #expect(election.history == continued)
            #expect(harness.proposer.truncate == LSN(8))
        }
    }

    @Test func lostElections() throws {
        func campaign() throws -> ProposerHarness {
            var harness = ProposerHarness(try .test())
            harness.step(.start)
            try harness.greet(0, term: 4)
            try harness.greet(1, term: 2)
            return harness
        }
        let rows: [(AcceptorMessage, ProposerError)] = [
            (
                .vote(term: 6, given: false),
                .higherTerm(seen: Term(6), own: Term(5), safekeeper: "sk0:5454")
            ),
            (.vote(term: 5, given: false), .voteRefused(Term(5), safekeeper: "sk0:5454")),
            (
                .vote(term: 5, generation: 1),
                .newerGeneration(seen: .first, own: .invalid, safekeeper: "sk0:5454")
            ),
        ]
        for (message, error) in rows {
            var harness = try campaign()
            let actions = try harness.receive(message, from: 0)
            #expect(actions.failure == error && error.mayRestart)
            #expect(Set(actions.disconnected) == [0, 1, 2] && harness.proposer.phase == .stopped(error))
            #expect(harness.step(.tick, after: .seconds(60)).isEmpty && harness.step(.start).isEmpty)
        }
        var harness = try campaign()
        #expect(try harness.greet(2, term: 5).failure == nil)
        harness = try campaign()
        #expect(
            try harness.greet(2, term: 6).failure
                == .higherTerm(seen: Term(6), own: Term(5), safekeeper: "sk2:5454")
        )
    }

    /// The vote of a safekeeper that reconnects after having voted is still ours.
    @Test func refusedVoteAfterAVote() throws {
        var harness = ProposerHarness(try .test())
        harness.step(.start)
        try harness.greet(0)
        try harness.greet(1)
        try harness.receive(.vote(term: 1), from: 0)
        try harness.disconnect(0)
        harness.step(.tick, after: .seconds(1))
        try harness.greet(0, term: 1)
        try harness.receive(.vote(term: 1, given: false), from: 0)
        #expect(harness.proposer.phase == .campaigning)
        try harness.receive(.vote(term: 1), from: 1)
        #expect(harness.proposer.phase == .elected)
        // Once elected even one that voted for somebody else is streamed to.
        try harness.greet(2, term: 1)
        #expect(try harness.receive(.vote(term: 1, given: false), from: 2).messages.count == 2)
    }

    @Test func electionsThatCannotBeWon() throws {
        var harness = ProposerHarness(try .test(count: 1, startLSN: nil))
        harness.step(.start)
        try harness.greet(0)
        #expect(try harness.receive(.vote(term: 1), from: 0).failure == .noStart)

        harness = ProposerHarness(try .test(count: 1, serverFlush: LSN(0x200)))
        harness.step(.start)
        try harness.greet(0)
        let behind = try harness.receive(.vote(term: 1, flush: 0x208, history: [(0, 0x80)]), from: 0)
        let expected = ProposerError.serverBehind(
            elected: LSN(0x208),
            serverFlush: LSN(0x200),
            safekeeper: "sk0:5454"
        )
        #expect(behind.failure == expected && !expected.mayRestart)
        #expect(expected.description.contains("0/208") && expected.description.contains("0/200"))

        harness = ProposerHarness(try .test(count: 1))
        harness.step(.start)
        #expect(try harness.greet(0, term: .max).failure == .noTermLeft(safekeeper: "sk0:5454"))

        // A history that begins nowhere.
        harness = ProposerHarness(try .test(count: 1))
        harness.step(.start)
        try harness.greet(0)
        let nowhere = try harness.receive(.vote(term: 1, flush: 0x80, history: [(0, 0)]), from: 0)
        let history = TermHistory.of([(0, 0)])
        #expect(nowhere.failure == .invalidHistory(history, flush: LSN(0x80), safekeeper: "sk0:5454"))
    }

    @Test func messagesThatMakeNoSense() throws {
        let nonsense: [AcceptorMessage] = [
            .vote(term: 4), .vote(term: 5, flush: 80, history: [(1, 88)]),
            .vote(term: 5, flush: 80, history: [(5, 80)]),
            .appended(flush: 8), .greeting(0, term: 4),
        ]
        for message in nonsense {
            var harness = ProposerHarness(try .test())
            harness.step(.start)
            try harness.greet(0, term: 4)
            try harness.greet(1, term: 2)
            let actions = try harness.receive(message, from: 0)
            #expect(actions.disconnected == [0] && actions.failure == nil, "\(message)")
            #expect(harness.proposer.phase == .campaigning)
        }
    }

    @Test func oneSafekeeperUnderTwoAddresses() throws {
        var harness = ProposerHarness(try .test())
        harness.step(.start)
        try harness.greet(0)
        try harness.connect(1)
        #expect(
            try harness.receive(.greeting(0), from: 1).failure
                == .sameSafekeeper(SafekeeperID(1), "sk0:5454", "sk1:5454")
        )
        // One that has moved from one address to the other is no mistake.
        harness = ProposerHarness(try .test())
        harness.step(.start)
        try harness.greet(0)
        try harness.disconnect(0)
        try harness.connect(1)
        #expect(try harness.receive(.greeting(0), from: 1).failure == nil)
        #expect(harness.proposer.status.members.map(\.node) == [nil, SafekeeperID(1), nil])
    }

    @Test func protocol2() throws {
        var harness = ProposerHarness(try .test(count: 1, version: .v2))
        let actions = harness.step(.start)
        guard case .connect(_, let options)? = actions.first else {
            Issue.record("no connection")
            return
        }
        #expect(options.protocolNumber == 2)
        try harness.greet(0)
        try harness.receive(.vote(term: 1), from: 0)
        #expect(harness.proposer.phase == .elected)
        #expect(throws: ProposerConfigurationError.generationNeedsProtocol3(.first, address: "sk0:5454")) {
            try ProposerConfiguration.test(generation: 1, version: .v2)
        }
    }

    @Test func configurations() throws {
        #expect(throws: ProposerConfigurationError.wrongCount(0)) { try ProposerConfiguration.test(count: 0) }
        #expect(throws: ProposerConfigurationError.wrongCount(10)) { try ProposerConfiguration.test(count: 10) }
        #expect(throws: ProposerConfigurationError.invalidStart) { try ProposerConfiguration.test(startLSN: .invalid) }
        let twice = ProposerConfiguration.Safekeeper(address: "a:1")
        #expect(throws: ProposerConfigurationError.duplicateAddress("a:1")) {
            try ProposerConfiguration(
                safekeepers: [twice, twice],
                greeting: ProposerConfiguration.test().greeting,
                serverFlush: LSN(1)
            )
        }
    }
}
