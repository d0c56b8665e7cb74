public import PostgresWAL

/// From this position on, WAL was written by the leader of this term.
@frozen
public struct TermLSN: Hashable, Sendable {
    /// The term of the leader.
    public let term: Term
    /// Where its WAL begins.
    public let lsn: LSN

    /// Makes an entry of a history.
    @inlinable
    public init(term: Term, lsn: LSN) {
        self.term = term
        self.lsn = lsn
    }
}

extension TermLSN: CustomStringConvertible {
    /// The entry as `(term, LSN)`.
    public var description: String { "(\(term), \(lsn))" }
}

/// Which leader wrote which part of a timeline's WAL.
///
/// Terms increase from entry to entry and positions never decrease; a history that breaks this is no history.
/// Source: `safekeeper-core.md` §0.
public struct TermHistory: Hashable, Sendable {
    /// The entries, oldest first.
    public private(set) var entries: [TermLSN]

    /// The history of a timeline without WAL.
    public init() {
        entries = []
    }

    /// Takes entries, oldest first; throws ``TermHistoryError`` if they are not in order.
    public init(_ entries: [TermLSN]) throws(TermHistoryError) {
        self.init()
        self.entries.reserveCapacity(entries.count)
        for entry in entries { try append(entry) }
    }

    /// Adds the newest entry; throws ``TermHistoryError`` unless its term is above and its position not below the last.
    public mutating func append(_ entry: TermLSN) throws(TermHistoryError) {
        if let last = entries.last, entry.term <= last.term || entry.lsn < last.lsn {
            throw TermHistoryError(index: entries.count, previous: last, entry: entry)
        }
        entries.append(entry)
    }

    /// The part of the history that WAL up to `end` has: entries that begin at or before it.
    public func upTo(_ end: LSN) -> TermHistory {
        var history = self
        history.entries.removeLast(entries.count - entries.prefix { $0.lsn <= end }.count)
        return history
    }

    /// The term of the last entry that begins at or before `end`; ``Term/initial`` if there is none.
    public func lastLogTerm(at end: LSN) -> Term {
        entries.last { $0.lsn <= end }?.term ?? .initial
    }
}

extension TermHistory: CustomStringConvertible {
    /// The entries in brackets.
    public var description: String { "\(entries)" }
}

/// An entry of a history that is not after the one before it.
public struct TermHistoryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The index of the entry.
    public let index: Int
    /// The entry before it.
    public let previous: TermLSN
    /// The entry.
    public let entry: TermLSN

    /// What is wrong, in words.
    public var description: String { "term history out of order at \(index): \(entry) after \(previous)" }
}
