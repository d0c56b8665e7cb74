package import PostgresWAL
package import ReplicationProtocol

/// The consensus of one timeline on one safekeeper, without its storage.
///
/// A message is begun with ``begin(_:)``; then ``next(_:)`` says, one after the other, what has to be done, and is shown
/// each time how the storage is by then. Whoever performs the actions performs each before it asks for the next one;
/// where one fails, the message has failed, and the next one can be begun.
///
/// What is promised to proposers is in the control file and the WAL. In memory there is only what may be forgotten at a
/// restart: which proposer has said that it is elected, and where its WAL begins.
///
/// Source: `safekeeper-core.md` §3.
package struct Acceptor: Sendable {
    /// This safekeeper.
    package let node: SafekeeperID
    /// The proposer that has been elected and for which the WAL is ready; nil since the start, or the last failure.
    package private(set) var leader: Leader?
    private var step: Step?

    /// An elected proposer.
    package struct Leader: Hashable, Sendable {
        /// Its term.
        package let term: Term
        /// Where its own WAL begins.
        package let start: LSN
    }

    /// What comes next for the message that was begun.
    private enum Step: Sendable {
        case greeting(ProposerGreeting)
        case greeted(ControlFile, AcceptorGreeting)
        case vote(VoteRequest)
        case voteAfterFlush(VoteRequest)
        case elected(ProposerElected)
        case electedInTerm(ProposerElected)
        case prepared(ProposerElected)
        case truncated(ProposerElected)
        case lead(Leader)
        case append(AppendRequest)
        case written(AppendRequest, flushedBefore: LSN)
        case advanced(repliesIfAbove: LSN)
        case flushed
        case reply(AcceptorMessage)
        case respond
    }

    package init(node: SafekeeperID) {
        self.node = node
    }

    /// Begins with a message; what was begun before is abandoned.
    package mutating func begin(_ message: ProposerMessage) {
        switch message {
        case .greeting(let greeting): step = .greeting(greeting)
        case .voteRequest(let request): step = .vote(request)
        case .elected(let elected): step = .elected(elected)
        case .append(let request): step = .append(request)
        }
    }

    /// Begins with a flush, which always ends with an append response.
    package mutating func beginFlush() {
        step = .flushed
    }

    /// What has to be done now.
    ///
    /// - Parameter view: the storage, after all actions so far.
    /// - Returns: the next action; nil if the message is done.
    /// - Throws: ``AcceptorError`` if the message is refused; it is then done.
    package mutating func next(_ view: AcceptorView) throws(AcceptorError) -> AcceptorAction? {
        while let current = step {
            step = nil
            if let action = try perform(current, view) { return action }
        }
        return nil
    }

    /// One step: sets the step behind it, and gives an action if it has one.
    private mutating func perform(_ current: Step, _ view: AcceptorView) throws(AcceptorError) -> AcceptorAction? {
        switch current {
        case .greeting(let greeting):
            return try greet(greeting, view)
        case .greeted(let control, let answer):
            step = .reply(.greeting(answer))
            return .persist(control)
        case .vote(let request):
            guard request.generation == view.control.membership.generation else {
                throw .generation(message: "\(request)", own: view.control.membership.generation)
            }
            // So that all that was accepted so far counts in the election, whoever wins it.
            step = .voteAfterFlush(request)
            return .flush
        case .voteAfterFlush(let request):
            return vote(request, view)
        case .elected(let elected):
            return try enterTerm(of: elected, view)
        case .electedInTerm(let elected):
            return try prepare(for: elected, view)
        case .prepared(let elected):
            step = .truncated(elected)
            return .truncate(to: elected.startStreamingAt)
        case .truncated(let elected):
            step = .lead(Leader(term: elected.term, start: elected.history.entries.last?.lsn ?? .invalid))
            return .persist(Self.control(view.control, of: elected))
        case .lead(let leader):
            self.leader = leader
            return nil
        case .append(let request):
            return try append(request, view)
        case .written(let request, let flushedBefore):
            return commit(request, flushedBefore: flushedBefore, view)
        case .advanced(let repliesIfAbove):
            return afterAdvance(repliesIfAbove: repliesIfAbove, view)
        case .flushed:
            step = .respond
            return .flush
        case .reply(let message):
            return .reply(message)
        case .respond:
            return .reply(.appendResponse(response(view)))
        }
    }
}

// MARK: - Greeting

extension Acceptor {
    private mutating func greet(
        _ greeting: ProposerGreeting,
        _ view: AcceptorView
    ) throws(AcceptorError) -> AcceptorAction? {
        var control = view.control
        try check(greeting, control)
        if greeting.membership.generation > control.membership.generation {
            guard greeting.membership.contains(node) else { throw .notAMember(greeting.membership, node: node) }
            control.membership = greeting.membership
        }
        // A proposer that only synchronizes safekeepers has no server and names none.
        let isNewServer = greeting.systemID != 0 && greeting.systemID != control.server.systemIdentifier
        let wasUnknown = control.server.systemIdentifier == 0
        if isNewServer {
            control.server.systemIdentifier = greeting.systemID
            control.server.versionNumber = greeting.serverVersionNumber
        }
        let answer = AcceptorGreeting(node: node, membership: control.membership, term: control.term)
        step = control == view.control ? .reply(.greeting(answer)) : .greeted(control, answer)
        // The segment first: if the process ends in between, the identifier is still unknown at the next greeting.
        guard isNewServer && wasUnknown && view.positions.writeLSN.isValid else { return nil }
        return .adoptSystemIdentifier(greeting.systemID, localStart: control.localStartLSN)
    }

    private func check(_ greeting: ProposerGreeting, _ control: ControlFile) throws(AcceptorError) {
        let own = control.server
        guard PostgresMajorVersion(serverVersionNumber: Int(greeting.serverVersionNumber)) != nil else {
            throw .unknownServerVersion(greeting.serverVersionNumber)
        }
        guard greeting.serverVersionNumber / 10_000 == own.versionNumber / 10_000 else {
            throw .serverVersion(found: greeting.serverVersionNumber, expected: own.versionNumber)
        }
        guard greeting.tenant == control.tenantID else {
            throw .tenant(found: greeting.tenant, expected: control.tenantID)
        }
        guard greeting.timeline == control.timelineID else {
            throw .timeline(found: greeting.timeline, expected: control.timelineID)
        }
        guard greeting.segmentSize == own.segmentSize else {
            throw .segmentSize(found: greeting.segmentSize, expected: own.segmentSize)
        }
    }
}

// MARK: - Election

extension Acceptor {
    private mutating func vote(_ request: VoteRequest, _ view: AcceptorView) -> AcceptorAction? {
        var control = view.control
        let isGiven = control.term < request.term
        if isGiven { control.term = request.term }
        let answer = VoteResponse(
            generation: control.membership.generation,
            term: control.term,
            voteGiven: isGiven,
            flush: view.flushLSN,
            truncate: control.peerHorizonLSN,
            history: control.termHistory.upTo(view.flushLSN)
        )
        step = .reply(.voteResponse(answer))
        // A vote that a restart could forget might be given twice.
        return isGiven ? .persist(control) : nil
    }

    private mutating func enterTerm(
        of elected: ProposerElected,
        _ view: AcceptorView
    ) throws(AcceptorError) -> AcceptorAction? {
        var control = view.control
        guard elected.generation == control.membership.generation else {
            throw .generation(message: "\(elected)", own: control.membership.generation)
        }
        // Another proposer has been voted for: this one is told when it sends WAL.
        guard control.term <= elected.term else { return nil }
        step = .electedInTerm(elected)
        guard control.term < elected.term else { return nil }
        control.term = elected.term
        return .persist(control)
    }

    private mutating func prepare(
        for elected: ProposerElected,
        _ view: AcceptorView
    ) throws(AcceptorError) -> AcceptorAction? {
        let control = view.control
        guard let first = elected.history.entries.first, let last = elected.history.entries.last else {
            throw .emptyHistory(term: elected.term)
        }
        guard last.term == elected.term else { throw .historyOfAnotherTerm(elected.history, term: elected.term) }
        let own = control.termHistory.upTo(view.flushLSN)
        let context = AcceptorError.ElectedContext(
            startStreamingAt: elected.startStreamingAt,
            term: elected.term,
            acceptorHistory: own,
            flushLSN: view.flushLSN,
            proposerHistory: elected.history
        )
        let common: TermLSN?
        do throws(TermHistoryConflict) {
            common = try elected.history.divergence(from: own, endingAt: view.flushLSN)
        } catch {
            throw .conflictingHistory(error)
        }
        let parting = common ?? first
        guard parting.lsn == elected.startStreamingAt else { throw .truncationPoint(expected: parting, context) }
        guard elected.startStreamingAt >= control.commitLSN else {
            throw .truncationOfCommitted(commitLSN: control.commitLSN, context)
        }
        // From here on the WAL may be in between two states.
        leader = nil
        step = .prepared(elected)
        guard !view.positions.flushRecordLSN.isValid else { return nil }
        return .initializeFirstSegment(
            start: elected.startStreamingAt,
            systemIdentifier: control.server.systemIdentifier
        )
    }

    /// The control file once the WAL is as an elected proposer wants it.
    private static func control(_ current: ControlFile, of elected: ProposerElected) -> ControlFile {
        var control = current
        let start = elected.history.entries.first?.lsn ?? .invalid
        if !control.timelineStartLSN.isValid { control.timelineStartLSN = start }
        if !control.peerHorizonLSN.isValid { control.peerHorizonLSN = control.timelineStartLSN }
        if !control.localStartLSN.isValid { control.localStartLSN = elected.startStreamingAt }
        control.commitLSN = max(control.commitLSN, control.timelineStartLSN)
        control.backupLSN = max(control.backupLSN, control.timelineStartLSN)
        control.remoteConsistentLSN = max(control.remoteConsistentLSN, control.timelineStartLSN)
        control.termHistory = elected.history
        return control
    }
}

// MARK: - WAL

extension Acceptor {
    private mutating func append(
        _ request: AppendRequest,
        _ view: AcceptorView
    ) throws(AcceptorError) -> AcceptorAction? {
        let control = view.control
        guard request.generation == control.membership.generation else {
            throw .appendGeneration(request: request.generation, own: control.membership.generation)
        }
        if control.term > request.term {
            let answer = AppendResponse.termOnly(generation: control.membership.generation, term: control.term)
            return .reply(.appendResponse(answer))
        }
        // The same term is not enough: since a restart the WAL may end in another proposer's.
        guard let leader, leader.term == request.term, control.term == request.term else {
            throw .appendBeforeElected(term: request.term, own: control.term)
        }
        let end = view.positions.writeLSN
        guard end <= request.begin else { throw .store(.rewrite(writeLSN: end, lsn: request.begin)) }
        guard end >= request.begin else { throw .store(.gap(writeLSN: end, lsn: request.begin)) }
        step = .written(request, flushedBefore: view.flushLSN)
        return request.isHeartbeat ? nil : .write(at: request.begin)
    }

    private mutating func commit(
        _ request: AppendRequest,
        flushedBefore: LSN,
        _ view: AcceptorView
    ) -> AcceptorAction? {
        step = .advanced(repliesIfAbove: flushedBefore)
        let commit = max(min(request.commit, view.flushLSN), view.control.commitLSN)
        let horizon = max(request.truncate, view.control.peerHorizonLSN)
        guard commit != view.control.commitLSN || horizon != view.control.peerHorizonLSN else { return nil }
        return .advance(commit: commit, peerHorizon: horizon)
    }

    private mutating func afterAdvance(repliesIfAbove flushedBefore: LSN, _ view: AcceptorView) -> AcceptorAction? {
        // Without being asked, only where a segment was finished, and so made durable, on the way.
        if view.flushLSN > flushedBefore { step = .respond }
        // Once in a term: who only synchronizes safekeepers waits until all have this on disk.
        guard let leader, view.control.commitLSN >= leader.start && view.persistedCommitLSN < leader.start else {
            return nil
        }
        return .persist(view.control)
    }

    private func response(_ view: AcceptorView) -> AppendResponse {
        AppendResponse(
            generation: view.control.membership.generation,
            term: view.control.term,
            flush: view.flushLSN,
            commit: view.persistedCommitLSN
        )
    }
}
