import PostgresWAL
import ReplicationProtocol

/// A safekeeper's part of the protocol over WAL of numbers: `safekeeper-core.md` §3.2.
///
/// Each position's content is a number that tells who wrote it; records end at multiples of 8.
struct ModelAcceptor {
    /// Where WAL begins in this model.
    static let base: UInt64 = 64

    let node: SafekeeperID
    var term = Term.initial
    var history = TermHistory()
    var membership: MembershipConfiguration
    /// What was written, from `base` on; nil before the first election.
    var wal: [UInt64]?
    /// How much of it is durable, in positions.
    var flushed: UInt64 = 0
    var commit: UInt64 = 0
    var truncate: UInt64 = 0

    struct Refusal: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    init(node: SafekeeperID, membership: MembershipConfiguration) {
        self.node = node
        self.membership = membership
    }

    /// The end of what was written.
    var end: UInt64 { wal.map { Self.base + UInt64($0.count) } ?? 0 }

    /// The end of the last record that is durable.
    var flush: UInt64 { max(flushed & ~7, wal == nil ? 0 : Self.base) }

    mutating func synchronize() { flushed = end }

    /// What is not durable is gone.
    mutating func crash() {
        let lost = Int(end - max(flushed, wal == nil ? 0 : Self.base))
        wal?.removeLast(lost)
    }

    /// The answer to WAL.
    mutating func answer() -> AppendResponse {
        synchronize()
        return AppendResponse(generation: membership.generation, term: term, flush: LSN(flush), commit: LSN(commit))
    }

    mutating func receive(_ message: ProposerMessage, content: [UInt64]) throws(Refusal) -> AcceptorMessage? {
        switch message {
        case .greeting(let greeting):
            if greeting.membership.generation > membership.generation {
                guard greeting.membership.contains(node) else { throw Refusal("not a member") }
                membership = greeting.membership
            }
            return .greeting(AcceptorGreeting(node: node, membership: membership, term: term))
        case .voteRequest(let request):
            guard request.generation == membership.generation else { throw Refusal("generation") }
            synchronize()
            let isGiven = term < request.term
            if isGiven { term = request.term }
            return .voteResponse(
                VoteResponse(
                    generation: membership.generation,
                    term: term,
                    voteGiven: isGiven,
                    flush: LSN(flush),
                    truncate: LSN(truncate),
                    history: history.upTo(LSN(flush))
                )
            )
        case .elected(let elected):
            try receive(elected)
            return nil
        case .append(let request):
            return try receive(request, content: content)
        }
    }

    private mutating func receive(_ elected: ProposerElected) throws(Refusal) {
        guard elected.generation == membership.generation else { throw Refusal("generation") }
        term = max(term, elected.term)
        guard term == elected.term else { return }
        // Written out again, so that the proposer's own way is not checked against itself.
        let mine = history.upTo(LSN(flush)).entries
        let theirs = elected.history.entries
        guard let first = theirs.first else { throw Refusal("empty history") }
        var common = first.lsn.rawValue
        for (index, entry) in mine.enumerated() where index < theirs.count && theirs[index] == entry {
            let mineEnds = index + 1 < mine.count ? mine[index + 1].lsn.rawValue : flush
            common = index + 1 < theirs.count ? min(mineEnds, theirs[index + 1].lsn.rawValue) : flush
        }
        guard common == elected.startStreamingAt.rawValue else { throw Refusal("unexpected truncation point") }
        guard common >= commit else { throw Refusal("truncation of committed WAL at \(commit) to \(common)") }
        if wal == nil { wal = [] }
        let excess = Int(end - common)
        wal?.removeLast(excess)
        flushed = min(flushed, end)
        history = elected.history
        commit = max(commit, first.lsn.rawValue)
    }

    private mutating func receive(
        _ request: AppendRequest,
        content: [UInt64]
    ) throws(Refusal) -> AcceptorMessage? {
        guard request.generation == membership.generation else { throw Refusal("generation") }
        guard term >= request.term else { throw Refusal("append before elected") }
        guard term == request.term else {
            return .appendResponse(.termOnly(generation: membership.generation, term: term))
        }
        guard wal != nil, request.begin.rawValue == end else {
            throw Refusal("append at \(request.begin), written up to \(end)")
        }
        wal?.append(contentsOf: content)
        if request.commit.isValid { commit = max(commit, min(request.commit.rawValue, flush)) }
        truncate = max(truncate, request.truncate.rawValue)
        return nil
    }
}
