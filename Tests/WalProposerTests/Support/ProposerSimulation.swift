import PostgresWAL
import ReplicationProtocol
import TestFixtures
import WalProposer

/// Proposers and model acceptors on a bad network, driven by a seed.
///
/// Each proposer has a server of its own, which continues the WAL where its election ended with WAL that only it
/// writes; so whatever was committed and is then written in another way shows.
struct ProposerSimulation {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// One proposer with the shell around it.
    private struct Party {
        var proposer: Proposer
        var timer: Duration?
        /// Up to where its server has written.
        var written: UInt64 = 0
        var links: [ProposerConnection: Link] = [:]
        var outcome: ProposerError?
    }

    /// What is under way between a proposer and an acceptor.
    private struct Link {
        var isUp = false
        var toAcceptor: [(ProposerMessage, ProposerWALSource?)] = []
        var toProposer: [AcceptorMessage] = []
        /// Whether the acceptor owes an answer on this connection.
        var isAnswerDue = false
        /// Requests since the last answer that the proposer has seen.
        var unanswered = 0
    }

    /// A mistake that a proposer could make about what is committed, to see that it would be noticed.
    enum PlantedFault: CaseIterable {
        /// What an older term wrote counts as soon as a quorum has it.
        case olderTermsAlone
        /// Of a joint configuration only the first set counts.
        case firstSetAlone
    }

    private let fault: PlantedFault?
    private var generator: SeededGenerator
    private var acceptors: [ModelAcceptor]
    private var parties: [Party] = []
    private var now = Duration.zero
    private let newest: MembershipConfiguration
    private let limits: ProposerLimits
    /// What is known to be committed, from the base on.
    private var committed: [UInt64] = []
    /// How much each term has committed.
    private var committedByTerm: [Term: Int] = [:]
    /// The terms that somebody has won.
    private var leaders: Set<Term> = []
    private(set) var elections = 0
    private(set) var messages = 0
    /// Whether connections break and acceptors crash.
    private var isCalm = false

    var committedCount: Int { committed.count }

    init(seed: UInt64, fault: PlantedFault? = nil) throws {
        self.fault = fault
        generator = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...7, using: &generator)
        let ids = (1...count).map { UInt64($0) }
        var older = MembershipConfiguration.none
        var newest = MembershipConfiguration.none
        if generator.chance(1, in: 2) {
            let members = Array(ids.shuffled(using: &generator).prefix(Int.random(in: 1...count, using: &generator)))
            let newMembers = Array(ids.shuffled(using: &generator).prefix(Int.random(in: 1...count, using: &generator)))
            older = try .of(1, members)
            newest = try .of(2, members, new: newMembers)
        }
        self.newest = newest
        acceptors = ids.map { ModelAcceptor(node: SafekeeperID($0), membership: older) }
        var limits = ProposerLimits()
        limits.maximumInFlightBytes = UInt64.random(in: 1...100, using: &generator)
        limits.maximumUnansweredRequests = Int.random(in: 1...10, using: &generator)
        self.limits = limits
    }

    /// A few thousand steps of everything, then calm until the last proposer has committed all it has.
    mutating func run(steps: Int = 2_000) throws {
        for _ in 0..<steps { try step() }
        isCalm = true
        try waitForCommit()
    }

    private mutating func waitForCommit() throws {
        // Only one is left, else they would go on ousting one another.
        parties.removeAll()
        for index in acceptors.indices where newest.generation.isValid { acceptors[index].membership = newest }
        for round in 0..<20_000 {
            if parties.last.map({ $0.outcome != nil }) ?? true { try begin() }
            try step()
            let last = parties[parties.count - 1]
            guard let election = last.proposer.election, last.outcome == nil else { continue }
            if round > 1_000, last.written > election.start.rawValue, last.proposer.commit.rawValue == last.written {
                return
            }
        }
        throw Failure(description: "not everything is committed in the end: \(parties.last?.proposer.status as Any)")
    }

    private mutating func step() throws {
        let isSwitching = newest.generation.isValid && !isCalm && generator.chance(1, in: 200)
        if isSwitching, let index = acceptors.indices.randomElement(using: &generator) {
            acceptors[index].membership = newest
        }
        if !isCalm, generator.chance(1, in: 100), let index = acceptors.indices.randomElement(using: &generator) {
            acceptors[index].crash()
            for party in parties.indices { try breakLinks(of: party) { $0.member == index } }
        }
        if parties.isEmpty || !isCalm && generator.chance(1, in: parties.allSatisfy { $0.outcome != nil } ? 5 : 300) {
            try begin()
        }
        if generator.chance(1, in: 4) {
            now += .milliseconds(Int64.random(in: 1...(isCalm ? 60 : 300), using: &generator))
        }
        guard let index = parties.indices.randomElement(using: &generator), parties[index].outcome == nil else {
            return
        }
        try step(party: index)
    }

    private mutating func begin() throws {
        // At most two are at work at a time: that is enough to quarrel.
        if parties.count(where: { $0.outcome == nil }) > 1 { parties.removeFirst() }
        let configuration = try ProposerConfiguration(
            safekeepers: acceptors.indices.map { .init(address: "sk\($0):1") },
            generation: generator.chance(1, in: 2) ? newest.generation : .invalid,
            greeting: ProposerConfiguration.test().greeting,
            startLSN: LSN(ModelAcceptor.base),
            serverFlush: LSN(.max / 2),
            limits: limits
        )
        parties.append(Party(proposer: Proposer(configuration)))
        try give(.start, to: parties.count - 1)
    }

    private mutating func step(party index: Int) throws {
        if let timer = parties[index].timer, timer <= now {
            parties[index].timer = nil
            try give(.tick, to: index)
        }
        if parties[index].proposer.phase == .elected, generator.chance(1, in: 8), mayWrite(parties[index]) {
            parties[index].written += 8 * UInt64.random(in: 1...6, using: &generator)
            try give(.walAvailable(upTo: LSN(parties[index].written)), to: index)
        }
        let keys = parties[index].links.keys.sorted { $0.number < $1.number }
        guard let connection = keys.randomElement(using: &generator) else { return }
        if !isCalm, generator.chance(1, in: 60) { return try breakLinks(of: index) { $0 == connection } }
        try step(connection, of: index)
    }

    /// In the end only a little more is written.
    private func mayWrite(_ party: Party) -> Bool {
        guard isCalm, let election = party.proposer.election else { return true }
        return party.written < election.start.rawValue + 500
    }

    private mutating func breakLinks(of index: Int, where matches: (ProposerConnection) -> Bool) throws {
        for connection in parties[index].links.keys.sorted(by: { $0.number < $1.number }) where matches(connection) {
            let link = parties[index].links.removeValue(forKey: connection)
            try give(.disconnected(connection, reason: "broken"), to: index)
            // What was under way may come in after the end.
            for message in link?.toProposer ?? [] { try give(.received(connection, message), to: index) }
        }
    }

    private mutating func step(_ connection: ProposerConnection, of index: Int) throws {
        guard var link = parties[index].links[connection] else { return }
        guard link.isUp else {
            parties[index].links[connection]?.isUp = true
            return try give(.connected(connection), to: index)
        }
        if generator.chance(1, in: 2), !link.toProposer.isEmpty {
            let message = link.toProposer.removeFirst()
            link.unanswered = 0
            parties[index].links[connection] = link
            messages += 1
            return try give(.received(connection, message), to: index)
        }
        guard !link.toAcceptor.isEmpty else {
            guard link.isAnswerDue else { return }
            link.isAnswerDue = false
            link.toProposer.append(.appendResponse(acceptors[connection.member].answer()))
            parties[index].links[connection] = link
            return
        }
        let (message, source) = link.toAcceptor.removeFirst()
        parties[index].links[connection] = link
        guard let content = content(of: message, from: source, party: index) else {
            parties[index].links[connection] = nil
            return try give(.walUnreadable(connection, source: source ?? .server, reason: "not there"), to: index)
        }
        do {
            let answer = try acceptors[connection.member].receive(message, content: content)
            if let answer { parties[index].links[connection]?.toProposer.append(answer) }
            if answer == nil, case .append = message { parties[index].links[connection]?.isAnswerDue = true }
        } catch {
            if error.description.hasPrefix("truncation") { throw Failure(description: error.description) }
            try breakLinks(of: index) { $0 == connection }
        }
    }

    /// The WAL of a message; nil if it can't be read.
    private func content(of message: ProposerMessage, from source: ProposerWALSource?, party: Int) -> [UInt64]? {
        guard case .append(let request) = message, let source, let election = parties[party].proposer.election else {
            return []
        }
        switch source {
        case .server:
            precondition(request.end.rawValue <= parties[party].written, "WAL that is not there yet")
            guard request.begin >= election.start else { return nil }
            return (request.begin.rawValue..<request.end.rawValue).map { election.term.rawValue << 32 | $0 }
        case .donor(let donor):
            let acceptor = acceptors[donor]
            guard acceptor.term == election.term, acceptor.flush >= request.end.rawValue, let wal = acceptor.wal else {
                return nil
            }
            let offset = Int(request.begin.rawValue - ModelAcceptor.base)
            return Array(wal[offset..<Int(request.end.rawValue - ModelAcceptor.base)])
        }
    }

    private mutating func give(_ event: ProposerEvent, to index: Int) throws {
        guard parties.indices.contains(index) else { return }
        var follows: ProposerEvent?
        for action in parties[index].proposer.handle(event, at: now) {
            switch action {
            case .connect(let connection, _):
                parties[index].links[connection] = Link()
            case .disconnect(let connection, _):
                parties[index].links[connection] = nil
            case .send(let connection, let message, let source):
                guard parties[index].links[connection] != nil else {
                    throw Failure(description: "a message for a connection that is not there: \(message)")
                }
                parties[index].links[connection]?.toAcceptor.append((message, source))
                if case .append = message { try checkBounds(of: index, connection) }
            case .elected(let election):
                try check(election, of: index)
                parties[index].written = election.start.rawValue
                follows = .walRemoved(before: election.start)
            case .commitAdvanced(let lsn):
                try check(commit: lsn, of: index)
            case .setTimer(let time):
                parties[index].timer = time
            case .fail(let error):
                guard error.mayRestart else { throw Failure(description: "\(error)") }
                parties[index].outcome = error
            }
        }
        if let follows { try give(follows, to: index) }
        if let fault, let commit = faultyCommit(of: parties[index], fault) { try check(commit: commit, of: index) }
    }

    /// What a proposer with that mistake would take as committed; nil if nothing more than a right one.
    private func faultyCommit(of party: Party, _ fault: PlantedFault) -> LSN? {
        let proposer = party.proposer
        guard let election = proposer.election, proposer.phase == .elected else { return nil }
        let reported = proposer.status.members.compactMap { member in member.node.map { ($0, member.flush) } }
        var flush = Dictionary(uniqueKeysWithValues: reported)
        if fault == .firstSetAlone { flush = flush.filter { $0.value >= election.start } }
        var sets = Self.sets(of: proposer.membership, all: acceptors.map(\.node))
        if fault == .firstSetAlone { sets.removeLast(sets.count - 1) }
        let positions = Set(flush.values).filter { $0.rawValue > ModelAcceptor.base && $0 > proposer.commit }
        return positions.filter { position in
            sets.allSatisfy { set in set.count { flush[$0].map { $0 >= position } ?? false } * 2 > set.count }
        }.max()
    }

    /// The sets of which a majority each has to agree, written out without the product's own rules.
    private static func sets(of membership: MembershipConfiguration, all: [SafekeeperID]) -> [[SafekeeperID]] {
        guard membership.generation.isValid else { return [all] }
        return [membership.members, membership.newMembers].compactMap { $0?.members.map(\.id) }
    }

    private mutating func checkBounds(of index: Int, _ connection: ProposerConnection) throws {
        guard var link = parties[index].links[connection] else { return }
        link.unanswered += 1
        parties[index].links[connection] = link
        guard link.unanswered <= limits.maximumUnansweredRequests else {
            throw Failure(description: "\(link.unanswered) requests without an answer")
        }
    }

    /// A new leader's WAL has everything that was committed in earlier terms; it may hear of its election late.
    private mutating func check(_ election: ProposerElection, of index: Int) throws {
        elections += 1
        guard leaders.insert(election.term).inserted else {
            throw Failure(description: "two leaders in term \(election.term)")
        }
        let donor = acceptors[election.donor]
        let before = committedByTerm.filter { $0.key < election.term }.map(\.value).max() ?? 0
        guard election.start.rawValue >= ModelAcceptor.base + UInt64(before) else {
            throw Failure(description: "elected at \(election.start) with \(before) committed")
        }
        guard (donor.wal ?? []).prefix(before) == committed.prefix(before) else {
            throw Failure(description: "the new leader's WAL differs from what was committed")
        }
    }

    /// What is committed is on the acceptors of a quorum, and never changes.
    private mutating func check(commit: LSN, of index: Int) throws {
        let count = Int(commit.rawValue - ModelAcceptor.base)
        let proposer = parties[index].proposer
        guard let election = proposer.election, commit >= election.start else {
            throw Failure(description: "WAL of older terms alone committed, up to \(commit)")
        }
        let holders = acceptors.filter { $0.flush >= commit.rawValue && $0.history.entries.last?.term == proposer.term }
        // An acceptor may have gone over to another leader since it answered; its WAL up to here is the same then.
        guard let holder = holders.first ?? acceptors.max(by: { $0.flush < $1.flush }), let wal = holder.wal,
            wal.count >= count
        else { throw Failure(description: "nobody has what is committed up to \(commit)") }
        let content = Array(wal.prefix(count))
        let common = min(content.count, committed.count)
        guard content.prefix(common) == committed.prefix(common) else {
            throw Failure(description: "committed WAL has changed below \(commit)")
        }
        let agreeing = Set(acceptors.filter { $0.wal?.prefix(count) == content.prefix(count) }.map(\.node))
        let isQuorum = Self.sets(of: proposer.membership, all: acceptors.map(\.node)).allSatisfy { set in
            set.count(where: agreeing.contains) * 2 > set.count
        }
        guard isQuorum else { throw Failure(description: "not on a quorum: committed up to \(commit) by \(agreeing)") }
        if content.count > committed.count { committed = content }
        committedByTerm[proposer.term] = content.count
    }
}
