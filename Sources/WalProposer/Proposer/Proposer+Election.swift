import PostgresWAL
import ReplicationProtocol

// Greetings, votes and the election: `safekeeper-core.md` §1.9.

extension Proposer {
    /// A safekeeper has greeted; it was told of a configuration with this generation.
    mutating func received(
        _ greeting: AcceptorGreeting,
        told: Generation,
        from member: Int
    ) throws(ProposerError) {
        try takeIdentity(greeting.node, of: member)
        if greeting.membership.generation > membership.generation {
            try adopt(greeting.membership, from: member)
        }
        if phase == .collectingTerms {
            term = max(term, greeting.term)
        } else if greeting.term > term {
            throw .higherTerm(seen: greeting.term, own: term, safekeeper: members[member].address)
        }
        guard checkConfiguration(of: member, known: greeting.membership.generation, told: told) else { return }
        members[member].phase = .waiting
        if phase == .collectingTerms {
            try beginCampaign()
        } else {
            requestVote(of: member)
        }
    }

    private mutating func takeIdentity(_ node: SafekeeperID, of member: Int) throws(ProposerError) {
        let id = node.isValid ? node : nil
        if id != members[member].node {
            // Another machine under the same address has nothing of what the one before it reported.
            members[member].node = id
            members[member].flush = .invalid
            members[member].commit = .invalid
            members[member].votedTerm = nil
        }
        guard let id else { return }
        for other in members.indices where other != member && members[other].node == id {
            guard !members[other].hasGreeted else {
                throw .sameSafekeeper(id, members[other].address, members[member].address)
            }
            // It was known under another address before, and must not count twice.
            members[other].node = nil
            members[other].flush = .invalid
        }
    }

    private mutating func adopt(_ newer: MembershipConfiguration, from member: Int) throws(ProposerError) {
        guard phase == .collectingTerms else {
            throw .newerGeneration(
                seen: newer.generation,
                own: membership.generation,
                safekeeper: members[member].address
            )
        }
        membership = newer
        // Whoever has greeted in an older generation would refuse to vote in this one.
        for other in members.indices where other != member && members[other].isWaiting {
            disconnect(
                other,
                .outdatedConfiguration(known: members[other].generation, current: newer.generation)
            )
            members[other].failures = 0
            connect(other)
        }
    }

    /// Whether a safekeeper that has greeted may vote; else the connection is given up.
    private mutating func checkConfiguration(of member: Int, known: Generation, told: Generation) -> Bool {
        members[member].generation = known
        guard membership.generation.isValid else { return true }
        guard counts(members[member]) else {
            disconnect(member, .notMember(members[member].node ?? SafekeeperID(0), membership.generation))
            return false
        }
        guard known == membership.generation else {
            disconnect(member, .outdatedConfiguration(known: known, current: membership.generation))
            // It is told at once, unless it was told already.
            if told < membership.generation, members[member].protocolVersion == .v3 { connect(member) }
            return false
        }
        return true
    }

    private mutating func beginCampaign() throws(ProposerError) {
        guard hasQuorum(\.isWaiting) else { return }
        guard let next = term.next else {
            throw .noTermLeft(safekeeper: members.map(\.address).joined(separator: ", "))
        }
        term = next
        phase = .campaigning
        for member in members.indices where members[member].isWaiting { requestVote(of: member) }
    }

    private mutating func requestVote(of member: Int) {
        members[member].phase = .voting
        members[member].lastHeard = now
        send(.voteRequest(VoteRequest(generation: membership.generation, term: term)), to: member)
    }

    /// A safekeeper has answered the request for its vote.
    mutating func received(_ response: VoteResponse, from member: Int) throws(ProposerError) {
        let address = members[member].address
        guard response.generation == membership.generation else {
            guard response.generation < membership.generation else {
                throw .newerGeneration(seen: response.generation, own: membership.generation, safekeeper: address)
            }
            disconnect(member, .violation("a vote in generation \(response.generation)"))
            return
        }
        guard response.term <= term else {
            throw .higherTerm(seen: response.term, own: term, safekeeper: address)
        }
        guard response.term == term else {
            disconnect(member, .violation("a vote in term \(response.term), asked for one in \(term)"))
            return
        }
        if response.voteGiven {
            members[member].votedTerm = term
        } else if phase == .campaigning, members[member].votedTerm != term {
            // Whom it voted for can't be told from here.
            throw .voteRefused(term, safekeeper: address)
        }
        let lastTerm = response.history.entries.last?.term ?? .initial
        guard response.history.upTo(response.flush) == response.history,
            lastTerm < term || lastTerm == term && phase == .elected
        else {
            disconnect(member, .violation("its history \(response.history) with WAL up to \(response.flush)"))
            return
        }
        members[member].phase = .voted(response)
        if phase == .elected {
            announceElection(to: member)
        } else {
            try endCampaign()
        }
    }

    private mutating func endCampaign() throws(ProposerError) {
        guard hasQuorum({ $0.vote != nil }), let donor = mostAdvanced, let vote = members[donor].vote else { return }
        var start = vote.flush
        truncate = members.filter(counts).compactMap { $0.vote?.truncate }.max() ?? .invalid
        if !start.isValid {
            guard let begin = configuration.startLSN else { throw .noStart }
            start = begin
            truncate = begin
        }
        guard start <= configuration.serverFlush else {
            throw .serverBehind(
                elected: start,
                serverFlush: configuration.serverFlush,
                safekeeper: members[donor].address
            )
        }
        var history = vote.history
        do {
            try history.append(TermLSN(term: term, lsn: start))
        } catch {
            throw .invalidHistory(vote.history, flush: vote.flush, safekeeper: members[donor].address)
        }
        guard let first = history.entries.first, first.lsn.isValid else {
            throw .invalidHistory(vote.history, flush: vote.flush, safekeeper: members[donor].address)
        }
        let won = ProposerElection(
            term: term,
            start: start,
            history: history,
            donor: donor,
            isFirst: !vote.flush.isValid
        )
        election = won
        available = start
        phase = .elected
        actions.append(.elected(won))
        for member in members.indices where members[member].vote != nil { announceElection(to: member) }
    }

    /// The voter with the highest last term and, among those, the most WAL; the first one wins ties.
    private var mostAdvanced: Int? {
        var best: (index: Int, term: Term, flush: LSN)?
        for (index, member) in members.enumerated() where counts(member) {
            guard let vote = member.vote else { continue }
            let lastTerm = vote.history.lastLogTerm(at: vote.flush)
            if let best, (best.term, best.flush) >= (lastTerm, vote.flush) { continue }
            best = (index, lastTerm, vote.flush)
        }
        return best?.index
    }

    /// Tells a voter of the election and begins to stream.
    private mutating func announceElection(to member: Int) {
        guard let election, let vote = members[member].vote else { return }
        let start: LSN
        do {
            let common = try election.history.divergence(from: vote.history, endingAt: vote.flush)
            start = common?.lsn ?? election.history.entries[0].lsn
        } catch {
            disconnect(member, .violation("conflicting history: \(error)"))
            return
        }
        // At most the rest of a segment may be counted before it was sent: see `takePositions`.
        guard start.distance(from: available) ?? 0 < UInt64(configuration.greeting.segmentSize) else {
            disconnect(member, .violation("it has our term's WAL up to \(start), of which \(available) was sent"))
            return
        }
        // What it reported and has lost since counts no more.
        members[member].flush = min(members[member].flush, start)
        members[member].stream = Member.Stream(position: start, sendLimit: sendLimit(from: start))
        let announcement = ProposerElected(
            generation: membership.generation,
            term: term,
            startStreamingAt: start,
            history: election.history
        )
        send(.elected(announcement), to: member)
        sendWAL(to: member, atLeastOne: true)
    }
}
