import PostgresWAL
import ReplicationProtocol
import Testing
import WalProposer

/// Generations and joint configurations: `safekeeper-core.md` §1.9, §3.8.
@Suite struct ProposerMembershipTests {
    @Test func listsWithAGenerationNeedAConfiguration() throws {
        var harness = ProposerHarness(try .test(generation: 1))
        let actions = harness.step(.start)
        for case .connect(_, let options) in actions { #expect(!options.allowsTimelineCreation) }
        for member in 0..<3 { try harness.greet(member) }
        #expect(harness.proposer.phase == .collectingTerms)
    }

    /// Sets of 3 and 5, of 9 safekeepers: a majority of both is needed, whatever they have in common.
    @Test(arguments: 0...3) func jointQuorums(overlap: UInt64) throws {
        let (three, five) = (Array<UInt64>(1...3), (0..<5).map { 4 - overlap + $0 })
        for (members, newMembers) in [(three, five), (five, three)] {
            let joint = try MembershipConfiguration.of(2, members, new: newMembers)
            for bits in 0..<(1 << 8) {
                let ids = Set((UInt64(1)...8).filter { bits & (1 << ($0 - 1)) != 0 })
                let voters = ids.filter { joint.contains(SafekeeperID($0)) }
                let isQuorum = [members, newMembers].allSatisfy { set in
                    set.count(where: ids.contains) * 2 > set.count
                }
                var harness = ProposerHarness(try .test(count: 9))
                harness.step(.start)
                for id in ids.sorted() { try harness.greet(Int(id) - 1, membership: joint) }
                #expect((harness.proposer.phase == .campaigning) == isQuorum, "\(ids)")
                guard isQuorum else { continue }
                for id in voters { try harness.receive(.vote(term: 1, generation: 2), from: Int(id) - 1) }
                #expect(harness.proposer.phase == .elected)
                // And the same for commits: each set has to have it.
                harness.step(.walAvailable(upTo: LSN(0x200_0000)))
                let order = voters.sorted()
                for (index, id) in order.enumerated() {
                    let reported = Set(order[...index])
                    let expected = [members, newMembers].allSatisfy { set in
                        set.count(where: reported.contains) * 2 > set.count
                    }
                    try harness.receive(.appended(flush: 0x200_0000, generation: 2), from: Int(id) - 1)
                    #expect((harness.proposer.commit == LSN(0x200_0000)) == expected, "\(reported)")
                }
            }
        }
    }

    @Test func theNewestConfigurationIsAdopted() throws {
        let (old, new) = (try MembershipConfiguration.of(1, [1, 2, 3]), try MembershipConfiguration.of(2, [1, 2, 3]))
        var harness = ProposerHarness(try .test())
        harness.step(.start)
        try harness.greet(0, membership: old)
        #expect(harness.proposer.membership == old)
        // The one that has greeted in the old generation is told of the new one in a greeting.
        let actions = try harness.greet(1, membership: new)
        #expect(harness.proposer.membership == new && actions.disconnected == [0] && actions.connecting == [0])
        let greeted = try harness.connect(0)
        guard case .greeting(let greeting)? = greeted.messages.first?.message else {
            Issue.record("no greeting")
            return
        }
        #expect(greeting.membership == new)
        // If it does not take it, it is left alone for a while.
        let stubborn = try harness.receive(.greeting(0, membership: old), from: 0)
        #expect(stubborn.disconnected == [0] && stubborn.connecting.isEmpty)
        harness.step(.tick, after: .seconds(1))
        try harness.greet(0, membership: new)
        #expect(harness.proposer.phase == .campaigning)
        // From now on a newer one needs a new proposer.
        let newest = try MembershipConfiguration.of(3, [1, 2, 3])
        #expect(
            try harness.greet(2, membership: newest).failure
                == .newerGeneration(seen: Generation(3), own: Generation(2), safekeeper: "sk2:5454")
        )
    }

    @Test func thoseOutsideDoNotCount() throws {
        var harness = ProposerHarness(try .test())
        harness.step(.start)
        let membership = try MembershipConfiguration.of(1, [1])
        try harness.greet(2)
        #expect(try harness.greet(0, membership: membership).disconnected == [2])
        #expect(harness.proposer.phase == .campaigning)
        let outside = try harness.greet(1, membership: membership)
        #expect(outside.disconnected == [1] && outside.failure == nil)
        #expect(harness.proposer.status.members[1].problem == "safekeeper 2 is not a member in generation 1")
        try harness.receive(.vote(term: 1, generation: 1), from: 0)
        #expect(harness.proposer.phase == .elected)
    }

    /// Safekeeper id 0 is none.
    @Test func invalidIDsAreNobody() throws {
        var harness = ProposerHarness(try .test(count: 1))
        harness.step(.start)
        try harness.connect(0)
        let membership = try MembershipConfiguration.of(1, [0])
        let greeting = AcceptorGreeting(node: SafekeeperID(0), membership: membership, term: .initial)
        #expect(try harness.receive(.greeting(greeting), from: 0).disconnected == [0])
    }
}
