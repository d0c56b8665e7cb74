import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity
import Testing

@Suite("Acceptor")
struct AcceptorTests {
    private let start = AcceptorModel.start

    private func refusal(_ model: AcceptorModel, _ message: ProposerMessage) -> AcceptorError? {
        var model = model
        do throws(AcceptorError) {
            try model.take(message)
            return nil
        } catch {
            return error
        }
    }

    @Test func greetingsAreChecked() throws {
        let model = AcceptorModel()
        let own = ControlFileVectors.freshState
        #expect(refusal(model, Message.greeting(version: 0)) == .unknownServerVersion(0))
        #expect(refusal(model, Message.greeting(version: 130_001)) == .unknownServerVersion(130_001))
        #expect(
            refusal(model, Message.greeting(version: 160_001)) == .serverVersion(found: 160_001, expected: 150_010)
        )
        #expect(refusal(model, Message.greeting(version: 150_001)) == nil)
        #expect(
            refusal(model, Message.greeting(segmentSize: 1 << 20)) == .segmentSize(found: 1 << 20, expected: 16 << 20)
        )
        guard case .greeting(var greeting) = Message.greeting() else { return }
        greeting.tenant = TenantID(bits: 7)
        #expect(refusal(model, .greeting(greeting)) == .tenant(found: TenantID(bits: 7), expected: own.tenantID))
        greeting.tenant = own.tenantID
        greeting.timeline = TimelineID(bits: 8)
        #expect(
            refusal(model, .greeting(greeting)) == .timeline(found: TimelineID(bits: 8), expected: own.timelineID)
        )
    }

    @Test("A system identifier is taken over when it is known, and put into the WAL if that had none")
    func systemIdentifier() throws {
        var model = AcceptorModel()
        model.view.control.server.systemIdentifier = 0
        try model.take(Message.greeting(systemID: 0))
        #expect(model.actions.count == 1)
        var empty = model
        try empty.take(Message.greeting(version: 150_012, systemID: 9))
        #expect(empty.actions.count == 2 && empty.view.control.server.systemIdentifier == 9)
        #expect(empty.view.control.server.versionNumber == 150_012)
        try model.take(Message.vote(1))
        try model.take(Message.elected(1, start: start, history: [(1, start)]))
        try model.take(Message.greeting(systemID: 9))
        #expect(model.actions.first == .adoptSystemIdentifier(9, localStart: start))
        #expect(model.actions.count == 3 && model.view.control.server.systemIdentifier == 9)
        // Another one later replaces it, as upstream does; the WAL's own is not touched.
        try model.take(Message.greeting(systemID: 10))
        #expect(model.actions.count == 2 && model.view.control.server.systemIdentifier == 10)
        // One that isn't named replaces nothing.
        try model.take(Message.greeting(systemID: 0))
        #expect(model.actions.count == 1 && model.view.control.server.systemIdentifier == 10)
    }

    @Test("Of memberships only a newer one counts, and only one that we are in")
    func memberships() throws {
        var model = AcceptorModel()
        let two = try Message.membership(2, [1, 2, 3])
        try model.take(Message.greeting(membership: two))
        #expect(model.view.control.membership == two)
        for stale in [try Message.membership(1, [1]), try Message.membership(2, [1]), try Message.membership(1, [7])] {
            try model.take(Message.greeting(membership: stale))
            #expect(model.view.control.membership == two)
            guard case .greeting(let answer)? = model.answer else {
                Issue.record("no greeting")
                return
            }
            #expect(answer.membership == two && answer.node == AcceptorModel.node)
        }
        let without = try Message.membership(3, [2, 3], new: [4])
        #expect(refusal(model, Message.greeting(membership: without)) == .notAMember(without, node: SafekeeperID(1)))
    }

    @Test("The first proposer of a timeline says where it begins")
    func firstElected() throws {
        var model = AcceptorModel()
        try model.take(Message.vote(1))
        try model.take(Message.elected(1, start: start, history: [(1, start)]))
        let control = model.view.control
        #expect(control.timelineStartLSN == start && control.localStartLSN == start && control.commitLSN == start)
        #expect(control.backupLSN == start && control.remoteConsistentLSN == start && control.peerHorizonLSN == start)
        #expect(model.acceptor.leader?.term == Term(1) && model.acceptor.leader?.start == start)
    }

    @Test("A safekeeper that comes later begins where it is told to")
    func lateComer() throws {
        var model = AcceptorModel()
        let history = [(1 as UInt64, start), (4, start + 0x1000)]
        try model.take(Message.elected(4, start: start, history: history))
        #expect(model.view.control.localStartLSN == start && model.view.control.timelineStartLSN == start)
        #expect(model.acceptor.leader?.start == start + 0x1000)
        // Its commit position is stored once it reaches the leader's own WAL, which it does once in a term.
        try model.take(Message.append(4, start, bytes: 0x1000, commit: start + 0x1000))
        try model.flush()
        #expect(model.view.control.commitLSN == start)
        try model.take(Message.append(4, start + 0x1000, bytes: 0x100, commit: start + 0x1000))
        #expect(model.actions.contains { if case .persist = $0 { true } else { false } })
        #expect(model.view.persistedCommitLSN == start + 0x1000)
        try model.flush()
        try model.take(Message.append(4, start + 0x1100, commit: start + 0x1100))
        #expect(!model.actions.contains { if case .persist = $0 { true } else { false } })
        #expect(model.view.control.commitLSN == start + 0x1100 && model.view.persistedCommitLSN == start + 0x1000)
    }

    @Test("Committed WAL is not cut, whoever asks")
    func committedStays() throws {
        var model = AcceptorModel()
        try model.take(Message.elected(1, start: start, history: [(1, start)]))
        try model.take(Message.append(1, start, bytes: 0x100))
        try model.flush()
        try model.take(Message.append(1, start + 0x100, commit: start + 0x100))
        let elected = try Message.elected(3, start: start + 0x80, history: [(1, start), (3, start + 0x80)])
        guard case .truncationOfCommitted(start + 0x100, _)? = refusal(model, elected) else {
            Issue.record("committed WAL would be cut")
            return
        }
    }

    @Test("The commit position follows what is durable here, and never goes back")
    func commitFollowsFlush() throws {
        var model = AcceptorModel()
        try model.take(Message.elected(1, start: start, history: [(1, start)]))
        try model.take(Message.append(1, start, bytes: 0x100, commit: start + 0x100))
        #expect(model.view.control.commitLSN == start, "not durable here yet")
        try model.flush()
        try model.take(Message.append(1, start + 0x100, commit: start + 0x100))
        #expect(model.view.control.commitLSN == start + 0x100)
        try model.take(Message.append(1, start + 0x100, commit: start + 0x10))
        try model.take(Message.append(1, start + 0x100, commit: .invalid))
        #expect(model.view.control.commitLSN == start + 0x100)
    }

    @Test("The last log term switches exactly where the new leader's WAL begins")
    func lastLogTerm() throws {
        var model = AcceptorModel()
        let history = [(1 as UInt64, start), (2, start + 0x10)]
        try model.take(Message.elected(2, start: start, history: history))
        func lastLogTerm() -> Term { model.view.control.termHistory.lastLogTerm(at: model.view.flushLSN) }
        #expect(lastLogTerm() == Term(1))
        try model.take(Message.append(2, start, bytes: 0x8))
        try model.flush()
        #expect(lastLogTerm() == Term(1))
        try model.take(Message.append(2, start + 0x8, bytes: 0x8))
        try model.flush()
        #expect(lastLogTerm() == Term(2))
    }

    @Test("Histories must end with the leader's term, and agree with ours")
    func histories() throws {
        var model = AcceptorModel()
        let wrong = try Message.elected(3, start: start, history: [(1, start)])
        guard case .historyOfAnotherTerm? = refusal(model, wrong) else {
            Issue.record("a history that ends with another term was taken")
            return
        }
        try model.take(Message.elected(1, start: start, history: [(1, start)]))
        let moved = try Message.elected(3, start: start + 8, history: [(1, start + 8), (3, start + 8)])
        guard case .conflictingHistory? = refusal(model, moved) else {
            Issue.record("a history that moves a term was taken")
            return
        }
    }
}
