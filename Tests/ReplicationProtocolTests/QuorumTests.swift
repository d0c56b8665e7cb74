import PostgresWAL
import ReplicationProtocol
import TestFixtures
import Testing

/// Whose votes count, and how many it takes.
@Suite struct QuorumTests {
    /// What a quorum is, said as plainly as possible.
    private func reference(_ sets: [[UInt64]], _ agreeing: Set<UInt64>) -> Bool {
        for set in sets {
            var votes = 0
            for id in set where agreeing.contains(id) { votes += 1 }
            if votes * 2 <= set.count { return false }
        }
        return !sets.isEmpty
    }

    private func configuration(_ members: [UInt64], _ newMembers: [UInt64]?) throws -> MembershipConfiguration {
        func set(_ ids: [UInt64]) throws -> MemberSet {
            try MemberSet(ids.map { try SafekeeperMember(id: SafekeeperID($0), host: "sk\($0)", port: 5454) })
        }
        return try MembershipConfiguration(
            generation: .first,
            members: set(members),
            newMembers: newMembers.map(set)
        )
    }

    /// Every subset of eight safekeepers, with sets of 3 and 5 that overlap in 0 to 3.
    @Test(arguments: 0...3) func setsOfThreeAndFive(overlap: Int) throws {
        let (three, five) = (Array<UInt64>(1...3), (0..<5).map { UInt64(4 - overlap + $0) })
        for (members, newMembers) in [(three, five), (five, three)] {
            let joint = try configuration(members, newMembers)
            let single = try configuration(members, nil)
            #expect(joint.isJoint && !single.isJoint)
            for bits in 0..<(1 << 9) {
                let agreeing = Set((UInt64(0)...8).filter { bits & (1 << $0) != 0 })
                let expected = reference([members, newMembers], agreeing)
                #expect(joint.hasQuorum { agreeing.contains($0.rawValue) } == expected, "\(agreeing)")
                #expect(single.hasQuorum { agreeing.contains($0.rawValue) } == reference([members], agreeing))
            }
        }
    }

    @Test func randomSets() throws {
        for seed in UInt64(0)..<2_000 {
            var generator = SeededGenerator(seed: seed)
            let ids = Array<UInt64>(1...9)
            let members = Array(ids.shuffled(using: &generator).prefix(Int.random(in: 1...7, using: &generator)))
            let newMembers = Array(ids.shuffled(using: &generator).prefix(Int.random(in: 0...7, using: &generator)))
            let agreeing = Set(ids.filter { _ in Bool.random(using: &generator) })
            let configuration = try configuration(members, newMembers)
            let sets = newMembers.isEmpty ? [members] : [members, newMembers]
            #expect(
                configuration.hasQuorum { agreeing.contains($0.rawValue) } == reference(sets, agreeing),
                "seed \(seed)"
            )
            // The quorum's value is the greatest one that a quorum has reached.
            let flushed = Dictionary(
                uniqueKeysWithValues: ids.map { ($0, UInt64.random(in: 0...6, using: &generator)) }
            )
            let expected = (0...6).last { value in
                reference(sets, Set(ids.filter { flushed[$0, default: 0] >= UInt64(value) }))
            }
            let reached = configuration.quorumValue { flushed[$0.rawValue, default: 0] }
            #expect(reached == expected.map(UInt64.init), "seed \(seed)")
        }
    }

    @Test func nobodyIsNoQuorum() {
        #expect(!MembershipConfiguration.none.hasQuorum { _ in true })
        #expect(MembershipConfiguration.none.quorumValue { _ in 1 } == nil)
    }

    @Test func memberships() throws {
        let member = try SafekeeperMember(id: SafekeeperID(1), host: "a", port: 1)
        #expect(throws: MembershipError.duplicateMember(SafekeeperID(1))) { try MemberSet([member, member]) }
        #expect(throws: MembershipError.emptyMembers(.first)) {
            try MembershipConfiguration(generation: .first, members: MemberSet())
        }
        #expect(throws: MembershipError.invalidHost("a\0b")) {
            try SafekeeperMember(id: SafekeeperID(1), host: "a\0b", port: 1)
        }
        let joint = try configuration([1, 2], [2, 3])
        #expect(joint.contains(SafekeeperID(3)) && joint.contains(SafekeeperID(1)) && !joint.contains(SafekeeperID(4)))
        #expect(try configuration([1], []).newMembers == nil)
        #expect(
            try configuration([1], [2]).description
                == "gen=1, members=(id=1 host=sk1 port=5454), new_members=(id=2 host=sk2 port=5454)"
        )
    }

    @Test func safekeeperLists() throws {
        let list = try SafekeeperList("g#12:a:5454,b:5455,[::1]:1")
        #expect(list.generation == Generation(12) && list.endpoints == ["a:5454", "b:5455", "[::1]:1"])
        #expect(try list.namesSame(as: SafekeeperList("g#12:[::1]:1,b:5455,a:5454")))
        #expect(try !list.namesSame(as: SafekeeperList("g#13:a:5454,b:5455,[::1]:1")))
        #expect(try !list.namesSame(as: SafekeeperList("g#12:a:5454,b:5455")))
        #expect(try SafekeeperList("g:1").generation == .invalid)
        for (text, error) in [
            ("", SafekeeperListError.invalidEndpoint("")), ("a:1,", .invalidEndpoint("")),
            ("a", .invalidEndpoint("a")), (":1", .invalidEndpoint(":1")), ("a:65536", .invalidEndpoint("a:65536")),
            ("g#:a:1", .invalidGeneration("g#:a:1")), ("g#1", .invalidGeneration("g#1")),
            ("g#4294967296:a:1", .invalidGeneration("g#4294967296:a:1")),
            (Array(repeating: "a:1", count: 32).joined(separator: ","), .tooMany(32)),
        ] {
            #expect(throws: error) { try SafekeeperList(text) }
        }
    }

    @Test func termHistories() throws {
        let entries = [
            TermLSN(term: .initial, lsn: LSN(8)), TermLSN(term: Term(1), lsn: LSN(8)),
            TermLSN(term: Term(4), lsn: LSN(24)),
        ]
        let history = try TermHistory(entries)
        #expect(history.lastLogTerm(at: LSN(7)) == .initial && history.upTo(LSN(7)).entries.isEmpty)
        #expect(history.lastLogTerm(at: LSN(8)) == Term(1) && history.upTo(LSN(23)).entries == Array(entries.prefix(2)))
        #expect(history.lastLogTerm(at: LSN(24)) == Term(4) && history.upTo(LSN(24)) == history)
        for wrong in [TermLSN(term: Term(4), lsn: LSN(32)), TermLSN(term: Term(5), lsn: LSN(16))] {
            #expect(throws: TermHistoryError.self) { try TermHistory(entries + [wrong]) }
        }
        #expect(Term(UInt64.max).next == nil && Term.initial.next == Term(1))
        #expect(Generation(UInt32.max).next == nil && Generation.invalid.next == .first)
    }
}
