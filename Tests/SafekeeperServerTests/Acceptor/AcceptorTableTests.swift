import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity
import Testing

/// Every state of an acceptor, every message: what it does, word for word, or why it refuses.
@Suite("Acceptor, state by message")
struct AcceptorTableTests {
    /// What an acceptor may have been through.
    enum State: CaseIterable, Sendable {
        /// Made by a greeting, nothing else.
        case fresh
        /// Has voted in term 2.
        case voted
        /// Follows the proposer of term 2; WAL up to `start + 0x100` is durable, up to `start + 0x180` written.
        case leading
        /// As `leading`, and started again: the written WAL is gone, nobody leads.
        case restarted
        /// As `leading`, and has voted in term 5 since.
        case outvoted
        /// As `restarted`, in generation 3.
        case member
    }

    /// What may come.
    enum Input: CaseIterable, Sendable {
        case greeting, greetingOfGeneration4, greetingWithoutUs, voteOf2, voteOf5, voteOf6
        case electedIn2, electedIn6, electedIn6Elsewhere, electedIn6WithoutHistory
        case heartbeatOf2, walOf2, walOf2Behind, walOf2Ahead, heartbeatOf6, heartbeatOfGeneration3
    }

    /// What is expected of it.
    enum Outcome: Equatable {
        /// These actions, by name.
        case does(String)
        /// A refusal whose text begins so.
        case refuses(String)
    }

    private let start = AcceptorModel.start

    func model(in state: State) throws -> AcceptorModel {
        var model = AcceptorModel()
        if state == .fresh { return model }
        try model.take(Message.vote(2))
        if state == .voted { return model }
        try model.take(Message.elected(2, start: start, history: [(2, start)]))
        try model.take(Message.append(2, start, bytes: 0x100))
        try model.flush()
        try model.take(Message.append(2, start + 0x100, bytes: 0x80, commit: start + 0x80))
        switch state {
        case .restarted: model.restart()
        case .outvoted: try model.take(Message.vote(5))
        case .member:
            model.restart()
            model.view.control.membership = try Message.membership(3, [1, 2, 3])
        default: break
        }
        return model
    }

    func message(_ input: Input) throws -> ProposerMessage {
        switch input {
        case .greeting: Message.greeting()
        case .greetingOfGeneration4: Message.greeting(membership: try Message.membership(4, [2, 3], new: [1]))
        case .greetingWithoutUs: Message.greeting(membership: try Message.membership(4, [2, 3]))
        case .voteOf2: Message.vote(2)
        case .voteOf5: Message.vote(5)
        case .voteOf6: Message.vote(6)
        case .electedIn2: try Message.elected(2, start: start, history: [(2, start)])
        case .electedIn6: try Message.elected(6, start: start + 0x100, history: [(2, start), (6, start + 0x100)])
        case .electedIn6Elsewhere:
            try Message.elected(6, start: start + 0x40, history: [(2, start), (6, start + 0x100)])
        case .electedIn6WithoutHistory: try Message.elected(6, start: start, history: [])
        case .heartbeatOf2: Message.append(2, start + 0x180, commit: start + 0x180, truncate: start + 0x10)
        case .walOf2: Message.append(2, start + 0x180, bytes: 8)
        case .walOf2Behind: Message.append(2, start + 0x100, bytes: 8)
        case .walOf2Ahead: Message.append(2, start + 0x190, bytes: 8)
        case .heartbeatOf6: Message.append(6, start + 0x180)
        case .heartbeatOfGeneration3: Message.append(2, start + 0x180, generation: 3)
        }
    }

    /// The names of actions, with what tells one from another.
    private func describe(_ actions: [AcceptorAction]) -> String {
        actions.map { action in
            switch action {
            case .flush: "flush"
            case .persist(let control): "persist(\(control.term))"
            case .adoptSystemIdentifier: "adopt"
            case .initializeFirstSegment(let lsn, _): "initialise(\(name(lsn)))"
            case .truncate(let lsn): "truncate(\(name(lsn)))"
            case .write(let lsn): "write(\(name(lsn)))"
            case .advance(let commit, let horizon): "advance(\(name(commit)), \(name(horizon)))"
            case .reply(.greeting(let greeting)): "greeting(\(greeting.membership.generation), \(greeting.term))"
            case .reply(.voteResponse(let vote)):
                "vote(\(vote.term), \(vote.voteGiven ? "given" : "refused"), \(name(vote.flush)), "
                    + "\(vote.history.entries.count))"
            case .reply(.appendResponse(let answer)):
                "append(\(answer.term), \(name(answer.flush)), \(name(answer.commit)))"
            }
        }.joined(separator: " ")
    }

    private func name(_ lsn: LSN) -> String {
        lsn >= start ? "+" + String(lsn.rawValue - start.rawValue, radix: 16) : "\(lsn)"
    }

    @Test("As the table says", arguments: State.allCases)
    func table(state: State) throws {
        let rows = try #require(Self.expected[state])
        #expect(rows.count == Input.allCases.count)
        for input in Input.allCases {
            var model = try model(in: state)
            let message = try message(input)
            let before = model.view
            let outcome: Outcome
            do throws(AcceptorError) {
                try model.take(message)
                outcome = .does(describe(model.actions))
            } catch {
                let text = "\(error)"
                outcome = .refuses(text)
                // A refusal may have stored a higher term, and changes nothing else.
                var after = model.view
                after.control.term = before.control.term
                after.positions = before.positions
                after.persistedCommitLSN = before.persistedCommitLSN
                #expect(after == before, "\(state), \(input)")
            }
            switch (rows[input], outcome) {
            case (.refuses(let prefix)?, .refuses(let text)): #expect(text.hasPrefix(prefix), "\(state), \(input)")
            case (let expected, let outcome): #expect(outcome == expected, "\(state), \(input)")
            }
        }
    }

    static let generationMismatch = Outcome.refuses("refusing append request due to generation mismatch")
    static let beforeElected = Outcome.refuses("got AppendRequest before ProposerElected")
    static let noHistory = Outcome.refuses("empty walproposer term history in term 6")
    static let elsewhere = Outcome.refuses("refusing ProposerElected with unexpected truncation point")
    static let withoutUs = Outcome.refuses("refused to switch into gen=4")

    static let expected: [State: [Input: Outcome]] = [
        .fresh: [
            .greeting: .does("greeting(0, 0)"),
            .greetingOfGeneration4: .does("persist(0) greeting(4, 0)"),
            .greetingWithoutUs: withoutUs,
            .voteOf2: .does("flush persist(2) vote(2, given, 0/0, 0)"),
            .voteOf5: .does("flush persist(5) vote(5, given, 0/0, 0)"),
            .voteOf6: .does("flush persist(6) vote(6, given, 0/0, 0)"),
            .electedIn2: .does("persist(2) initialise(+0) truncate(+0) persist(2)"),
            .electedIn6: elsewhere,
            .electedIn6Elsewhere: elsewhere,
            .electedIn6WithoutHistory: noHistory,
            .heartbeatOf2: beforeElected, .walOf2: beforeElected, .walOf2Behind: beforeElected,
            .walOf2Ahead: beforeElected, .heartbeatOf6: beforeElected,
            .heartbeatOfGeneration3: generationMismatch,
        ],
        .voted: [
            .greeting: .does("greeting(0, 2)"),
            .greetingOfGeneration4: .does("persist(2) greeting(4, 2)"),
            .greetingWithoutUs: withoutUs,
            .voteOf2: .does("flush vote(2, refused, 0/0, 0)"),
            .voteOf5: .does("flush persist(5) vote(5, given, 0/0, 0)"),
            .voteOf6: .does("flush persist(6) vote(6, given, 0/0, 0)"),
            .electedIn2: .does("initialise(+0) truncate(+0) persist(2)"),
            .electedIn6: elsewhere,
            .electedIn6Elsewhere: elsewhere,
            .electedIn6WithoutHistory: noHistory,
            .heartbeatOf2: beforeElected, .walOf2: beforeElected, .walOf2Behind: beforeElected,
            .walOf2Ahead: beforeElected, .heartbeatOf6: beforeElected,
            .heartbeatOfGeneration3: generationMismatch,
        ],
        .leading: [
            .greeting: .does("greeting(0, 2)"),
            .greetingOfGeneration4: .does("persist(2) greeting(4, 2)"),
            .greetingWithoutUs: withoutUs,
            .voteOf2: .does("flush vote(2, refused, +180, 1)"),
            .voteOf5: .does("flush persist(5) vote(5, given, +180, 1)"),
            .voteOf6: .does("flush persist(6) vote(6, given, +180, 1)"),
            .electedIn2: elsewhere,
            .electedIn6: .does("persist(6) truncate(+100) persist(6)"),
            .electedIn6Elsewhere: elsewhere,
            .electedIn6WithoutHistory: noHistory,
            .heartbeatOf2: .does("advance(+100, +10)"),
            .walOf2: .does("write(+180)"),
            .walOf2Behind: .refuses("append request rewrites WAL written before"),
            .walOf2Ahead: .refuses("append request creates gap in written WAL"),
            .heartbeatOf6: beforeElected,
            .heartbeatOfGeneration3: generationMismatch,
        ],
        .restarted: [
            .greeting: .does("greeting(0, 2)"),
            .greetingOfGeneration4: .does("persist(2) greeting(4, 2)"),
            .greetingWithoutUs: withoutUs,
            .voteOf2: .does("flush vote(2, refused, +100, 1)"),
            .voteOf5: .does("flush persist(5) vote(5, given, +100, 1)"),
            .voteOf6: .does("flush persist(6) vote(6, given, +100, 1)"),
            .electedIn2: elsewhere,
            .electedIn6: .does("persist(6) truncate(+100) persist(6)"),
            .electedIn6Elsewhere: elsewhere,
            .electedIn6WithoutHistory: noHistory,
            .heartbeatOf2: beforeElected, .walOf2: beforeElected, .walOf2Behind: beforeElected,
            .walOf2Ahead: beforeElected, .heartbeatOf6: beforeElected,
            .heartbeatOfGeneration3: generationMismatch,
        ],
        .outvoted: [
            .greeting: .does("greeting(0, 5)"),
            .greetingOfGeneration4: .does("persist(5) greeting(4, 5)"),
            .greetingWithoutUs: withoutUs,
            .voteOf2: .does("flush vote(5, refused, +180, 1)"),
            .voteOf5: .does("flush vote(5, refused, +180, 1)"),
            .voteOf6: .does("flush persist(6) vote(6, given, +180, 1)"),
            .electedIn2: .does(""),
            .electedIn6: .does("persist(6) truncate(+100) persist(6)"),
            .electedIn6Elsewhere: elsewhere,
            .electedIn6WithoutHistory: noHistory,
            .heartbeatOf2: .does("append(5, 0/0, 0/0)"),
            .walOf2: .does("append(5, 0/0, 0/0)"),
            .walOf2Behind: .does("append(5, 0/0, 0/0)"),
            .walOf2Ahead: .does("append(5, 0/0, 0/0)"),
            .heartbeatOf6: beforeElected,
            .heartbeatOfGeneration3: generationMismatch,
        ],
        .member: [
            .greeting: .does("greeting(3, 2)"),
            .greetingOfGeneration4: .does("persist(2) greeting(4, 2)"),
            .greetingWithoutUs: withoutUs,
            .voteOf2: .refuses("refusing VoteRequest"), .voteOf5: .refuses("refusing VoteRequest"),
            .voteOf6: .refuses("refusing VoteRequest"),
            .electedIn2: .refuses("refusing ProposerElected"), .electedIn6: .refuses("refusing ProposerElected"),
            .electedIn6Elsewhere: .refuses("refusing ProposerElected"),
            .electedIn6WithoutHistory: .refuses("refusing ProposerElected"),
            .heartbeatOf2: generationMismatch, .walOf2: generationMismatch, .walOf2Behind: generationMismatch,
            .walOf2Ahead: generationMismatch, .heartbeatOf6: generationMismatch,
            .heartbeatOfGeneration3: beforeElected,
        ],
    ]
}
