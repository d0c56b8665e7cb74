import PostgresWAL
import ReplicationProtocol

// WAL, its answers, and what follows from them: `safekeeper-core.md` §1.9.

extension Proposer {
    /// Sends a safekeeper what it may get of the available WAL.
    ///
    /// Without WAL to send it gets an empty request if `atLeastOne` is set, or to be told of a commit position that has
    /// waited for WAL long enough.
    mutating func sendWAL(to member: Int, atLeastOne: Bool = false) {
        var hasSent = false
        while let piece = nextPiece(for: member) {
            request(piece.range, of: member, from: piece.source)
            hasSent = true
        }
        guard !hasSent, mayRequest(of: members[member]), let stream = members[member].stream else { return }
        if atLeastOne || commitNoticeAt == nil && stream.sentCommit < commit {
            request(stream.position..<stream.position, of: member, from: nil)
        }
    }

    private mutating func request(_ range: Range<LSN>, of member: Int, from source: ProposerWALSource?) {
        let message = AppendRequest(
            generation: membership.generation,
            term: term,
            begin: range.lowerBound,
            end: range.upperBound,
            commit: commit,
            truncate: truncate
        )
        members[member].stream?.position = range.upperBound
        members[member].stream?.unanswered += 1
        members[member].stream?.sentCommit = commit
        if members.allSatisfy({ $0.stream?.sentCommit ?? commit == commit }) { commitNoticeAt = nil }
        if case .donor(let donor) = source {
            members[member].stream?.donor = donor
        } else if source != nil {
            members[member].stream?.donor = nil
        }
        send(.append(message), to: member, wal: source)
    }

    /// The next WAL for a safekeeper and where to read it; nil if there is none or it has enough in flight.
    private func nextPiece(for member: Int) -> (range: Range<LSN>, source: ProposerWALSource)? {
        guard mayRequest(of: members[member]), let stream = members[member].stream else { return nil }
        let begin = stream.position
        var end = min(available, stream.sendLimit)
        guard let count = end.distance(from: begin), count > 0 else { return nil }
        end = begin + min(count, UInt64(AppendRequest.maximumWALSize))
        guard begin < serverWALStart else { return (begin..<end, .server) }
        guard let donor = donor(for: member, at: begin) else { return nil }
        return (begin..<min(end, serverWALStart, donor.end), .donor(donor.index))
    }

    /// Whether a safekeeper is streamed to and owes fewer answers than it may.
    func mayRequest(of member: Member) -> Bool {
        guard let stream = member.stream else { return false }
        return stream.unanswered < configuration.limits.maximumUnansweredRequests
    }

    /// How far may be sent to a safekeeper that has WAL up to a position; it comes from outside and may be any.
    func sendLimit(from position: LSN) -> LSN {
        let (sum, overflow) = position.rawValue.addingReportingOverflow(configuration.limits.maximumInFlightBytes)
        return overflow ? LSN(.max) : LSN(sum)
    }

    /// Another safekeeper that has our history's WAL at a position, and how far it has it.
    ///
    /// Of those that failed least often it is the one with the most WAL.
    private func donor(for member: Int, at position: LSN) -> (index: Int, end: LSN)? {
        var best: (index: Int, end: LSN)?
        for (index, candidate) in members.enumerated() where index != member && counts(candidate) {
            guard let end = endOfOurWAL(on: index), end > position else { continue }
            if let best {
                let failures = (candidate.donorFailures, members[best.index].donorFailures)
                guard failures.0 < failures.1 || failures.0 == failures.1 && end > best.end else { continue }
            }
            best = (index, end)
        }
        return best
    }

    /// How far a connected safekeeper's WAL is known to be of our history; nil if nothing is known.
    private func endOfOurWAL(on member: Int) -> LSN? {
        guard let election else { return nil }
        let reported = members[member].stream != nil ? members[member].flush : .invalid
        guard member == election.donor, members[member].votedTerm == term,
            members[member].stream != nil || members[member].vote != nil
        else { return reported.isValid ? reported : nil }
        return max(reported, election.start)
    }

    /// A safekeeper has answered to WAL.
    mutating func received(_ response: AppendResponse, from member: Int) throws(ProposerError) {
        let address = members[member].address
        guard response.term <= term else {
            throw .higherTerm(seen: response.term, own: term, safekeeper: address)
        }
        guard response.generation <= membership.generation else {
            throw .newerGeneration(seen: response.generation, own: membership.generation, safekeeper: address)
        }
        guard response.term == term, response.generation == membership.generation else {
            let text = "an answer in term \(response.term), generation \(response.generation)"
            disconnect(member, .violation(text))
            return
        }
        // One that takes part and can't write, as its disk is full, is not asked five times a second.
        if response.flush > members[member].flush || response.flush >= available { members[member].failures = 0 }
        takePositions(of: response, from: member)
        advanceTruncate()
        if advanceCommit() {
            for other in members.indices { sendWAL(to: other) }
        } else {
            sendWAL(to: member)
        }
    }

    private mutating func takePositions(of response: AppendResponse, from member: Int) {
        guard var stream = members[member].stream else { return }
        stream.unanswered = 0
        if response.flush > stream.position {
            // After a switch of segments a safekeeper counts the rest of the segment before it has it. What was sent of
            // it is durable, but no record ends there: as a position to commit at it would be one that a safekeeper
            // can't begin to read from.
            stream.sendLimit = max(stream.sendLimit, sendLimit(from: stream.position))
        } else if response.flush > members[member].flush {
            members[member].flush = response.flush
            stream.sendLimit = max(stream.sendLimit, sendLimit(from: response.flush))
        } else if stream.position >= stream.sendLimit, stream.position < available {
            let count = available.distance(from: stream.position) ?? 0
            stream.sendLimit = stream.position + min(count, UInt64(AppendRequest.maximumWALSize))
        }
        members[member].stream = stream
        members[member].commit = max(members[member].commit, response.commit)
    }

    /// Only WAL up to a position of the own term counts: what an older term wrote alone could still be lost.
    private mutating func advanceCommit() -> Bool {
        guard let start = election?.start,
            let reached = quorumPosition({ $0.flush >= start ? $0.flush : .invalid }), reached > commit
        else { return false }
        commit = reached
        if configuration.limits.commitNoticeDelay > .zero {
            commitNoticeAt = commitNoticeAt ?? now + configuration.limits.commitNoticeDelay
        }
        actions.append(.commitAdvanced(to: reached))
        return true
    }

    /// Tells the commit position to all who don't know it: no WAL has come to take it along.
    mutating func sendCommitNotices() {
        commitNoticeAt = nil
        for member in members.indices { sendWAL(to: member) }
    }

    private mutating func advanceTruncate() {
        let everywhere = members.map(\.flush).min() ?? .invalid
        truncate = max(truncate, min(commit, everywhere))
    }
}
