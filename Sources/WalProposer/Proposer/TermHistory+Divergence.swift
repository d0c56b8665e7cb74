package import PostgresWAL
package import ReplicationProtocol

extension TermHistory {
    /// Where streaming to a safekeeper has to start so that its WAL becomes that of this history.
    ///
    /// - Parameters:
    ///   - other: The safekeeper's history up to the end of its WAL.
    ///   - end: The end of its WAL.
    /// - Returns: The end of what both have in common; nil if they have nothing in common.
    ///
    /// - Throws: ``HistoryConflict`` if one term begins at two places, which no run of the protocol makes.
    ///
    /// Source: `safekeeper-core.md` §3.3.
    package func lastCommonPosition(with other: TermHistory, endingAt end: LSN) throws(HistoryConflict) -> LSN? {
        var common = 0
        for (mine, theirs) in zip(entries, other.entries) {
            guard mine.term == theirs.term else { break }
            guard mine.lsn == theirs.lsn else { throw HistoryConflict(ours: mine, theirs: theirs) }
            common += 1
        }
        guard common > 0 else { return nil }
        let theirEnd = common < other.entries.count ? other.entries[common].lsn : end
        return common < entries.count ? min(entries[common].lsn, theirEnd) : end
    }
}

/// Two histories in which the same term begins at different places.
package struct HistoryConflict: Error, Hashable, CustomStringConvertible {
    package let ours: TermLSN
    package let theirs: TermLSN

    package var description: String { "term \(ours.term) begins at \(ours.lsn) here and at \(theirs.lsn) there" }
}
