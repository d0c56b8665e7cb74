import PostgresWAL
import ReplicationProtocol
import Testing
import WalProposer

/// Every event in every state of a connection.
@Suite struct ProposerTableTests {
    typealias MemberPhase = ProposerStatus.Member.Phase

    /// Member 0 in the state; of the others as few as possible are connected.
    private func harness(in state: MemberPhase) throws -> ProposerHarness {
        var harness = ProposerHarness(try .test())
        harness.step(.start)
        switch state {
        case .offline: try harness.disconnect(0)
        case .connecting: break
        case .greeting: try harness.connect(0)
        case .waiting: try harness.greet(0)
        case .voting:
            try harness.greet(0)
            try harness.greet(1)
        case .voted:
            try harness.greet(0)
            try harness.greet(1)
            try harness.receive(.vote(term: 1), from: 0)
        case .streaming:
            try harness.greet(0)
            try harness.greet(1)
            try harness.receive(.vote(term: 1), from: 0)
            try harness.receive(.vote(term: 1), from: 1)
        }
        #expect(harness.proposer.status.members[0].phase == state)
        return harness
    }

    private static let states: [MemberPhase] = [
        .offline, .connecting, .greeting, .waiting, .voting, .voted, .streaming,
    ]

    /// What each state becomes by each event; what is not listed leads to `offline`.
    @Test(arguments: states) func events(state: MemberPhase) throws {
        let connection = try #require(try harness(in: state).connections[0])
        let start = ProposerConfiguration.timelineStart.rawValue
        let rows: [(ProposerEvent, [MemberPhase: MemberPhase])] = [
            (.start, identity),
            (.connected(connection), identity.merging([.connecting: .greeting]) { $1 }),
            (.disconnected(connection, reason: "gone"), [:]),
            (.received(connection, .greeting(0)), [.greeting: .waiting]),
            (.received(connection, .vote(term: 1)), [.voting: .voted]),
            (.received(connection, .appended(flush: start)), [.streaming: .streaming]),
            (.walAvailable(upTo: LSN(start + 8)), identity),
            (.walRemoved(before: LSN(start + 8)), identity),
            (.walUnreadable(connection, source: .donor(1), reason: "gone"), [:]),
            (.tick, identity),
        ]
        for (event, next) in rows {
            var harness = try harness(in: state)
            let actions = harness.step(event)
            let expected = next[state] ?? .offline
            #expect(harness.proposer.status.members[0].phase == expected, "\(event)")
            #expect(actions.failure == nil)
            // What is given up is closed, unless it was closed already.
            var isClosing = expected == .offline && state != .offline
            if case .disconnected = event { isClosing = false }
            #expect(actions.disconnected == (isClosing ? [0] : []), "\(event)")
        }
    }

    private var identity: [MemberPhase: MemberPhase] {
        Dictionary(uniqueKeysWithValues: Self.states.map { ($0, $0) })
    }

    /// Whatever comes from a connection of before, or from one that never was, changes nothing.
    @Test(arguments: states) func lateEvents(state: MemberPhase) throws {
        let old = try #require(try harness(in: state).connections[0])
        var harness = try harness(in: state)
        if state != .offline { try harness.disconnect(0) }
        harness.step(.tick, after: .seconds(1))
        #expect(harness.connections[0] != old)
        let before = harness.proposer.status
        let strangers = [
            old, ProposerConnection(member: 0, number: 99), ProposerConnection(member: 9, number: 1),
            ProposerConnection(member: -1, number: 1),
        ]
        for connection in strangers {
            let events: [ProposerEvent] = [
                .connected(connection), .disconnected(connection, reason: "late"),
                .received(connection, .greeting(0, term: 99)), .received(connection, .vote(term: 99, given: false)),
                .received(connection, .appended(term: 99, flush: 0)),
                .walUnreadable(connection, source: .donor(77), reason: "late"),
            ]
            for event in events {
                #expect(harness.step(event).isEmpty, "\(event)")
                #expect(harness.proposer.status == before)
            }
        }
    }

    /// Before the start nothing happens, and time never goes back.
    @Test func beforeTheStart() throws {
        var harness = ProposerHarness(try .test())
        #expect(harness.step(.tick).isEmpty && harness.step(.walAvailable(upTo: LSN(8))).isEmpty)
        #expect(harness.step(.start).connecting == [0, 1, 2])
        #expect(
            harness.proposer.handle(.tick, at: .seconds(9)).contains { if case .setTimer = $0 { true } else { false } }
        )
        #expect(harness.proposer.handle(.tick, at: .zero) == [.setTimer(at: .seconds(10))])
    }
}
