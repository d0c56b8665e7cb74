public import PostgresWAL

extension TermHistory {
    /// The last position up to which a proposer's WAL and an acceptor's are the same.
    ///
    /// Called on the proposer's history. Streaming to the acceptor has to start there; if nothing is common, at the begin
    /// of the proposer's history.
    ///
    /// - Parameters:
    ///   - acceptor: the acceptor's history, up to `end`.
    ///   - end: where the acceptor's WAL ends.
    /// - Returns: the last common term, and the position; nil if they have nothing in common.
    /// - Throws: ``TermHistoryConflict`` if a term begins at different positions in the two.
    ///
    /// Source: `safekeeper-core.md` §3.3.
    public func divergence(from acceptor: TermHistory, endingAt end: LSN) throws(TermHistoryConflict) -> TermLSN? {
        var common: Int?
        for (index, (mine, theirs)) in zip(entries, acceptor.entries).enumerated() {
            guard mine.term == theirs.term else { break }
            guard mine.lsn == theirs.lsn else { throw TermHistoryConflict(proposer: mine, acceptor: theirs) }
            common = index
        }
        guard let common else { return nil }
        let term = entries[common].term
        let next = common + 1
        guard next < entries.count else { return TermLSN(term: term, lsn: end) }
        let acceptorEnd = next < acceptor.entries.count ? acceptor.entries[next].lsn : end
        return TermLSN(term: term, lsn: min(entries[next].lsn, acceptorEnd))
    }
}

/// Two histories that let one term begin at different positions: one of them is not what was elected.
public struct TermHistoryConflict: Error, Hashable, Sendable, CustomStringConvertible {
    /// The proposer's entry.
    public let proposer: TermLSN
    /// The acceptor's entry for the same term.
    public let acceptor: TermLSN

    /// What is wrong, in words.
    public var description: String {
        "term \(proposer.term) begins at \(proposer.lsn) in the proposer's history and at \(acceptor.lsn) in the safekeeper's"
    }
}
