public import PostgresWAL
public import ReplicationProtocol

/// Why a proposer has come to its end.
///
/// Safekeepers are named by their addresses.
public enum ProposerError: Error, Hashable, Sendable {
    /// A safekeeper knows of a higher term: another proposer is at work, or was while this one campaigned.
    case higherTerm(seen: Term, own: Term, safekeeper: String)
    /// A safekeeper has given its vote in this term away, to another proposer or to a lost connection of this one.
    case voteRefused(Term, safekeeper: String)
    /// A safekeeper is in a newer generation of the membership than the proposer was elected in.
    case newerGeneration(seen: Generation, own: Generation, safekeeper: String)
    /// The safekeepers hold WAL that the server does not have.
    ///
    /// Waiting for the server to get there would put another WAL in the place of theirs.
    case serverBehind(elected: LSN, serverFlush: LSN, safekeeper: String)
    /// All safekeepers are empty, and no start was given.
    case noStart
    /// Two entries of the list are the same safekeeper, which would count twice.
    case sameSafekeeper(SafekeeperID, String, String)
    /// The history of the safekeeper with the most WAL can't be continued.
    case invalidHistory(TermHistory, flush: LSN, safekeeper: String)
    /// There is no term after the last one.
    case noTermLeft(safekeeper: String)
}

extension ProposerError {
    /// Whether a new proposer with the same configuration may do better, after a pause; else somebody has to look.
    public var mayRestart: Bool {
        switch self {
        case .higherTerm, .voteRefused, .newerGeneration: true
        case .serverBehind, .noStart, .sameSafekeeper, .invalidHistory, .noTermLeft: false
        }
    }
}

extension ProposerError: CustomStringConvertible {
    /// What happened, in words.
    public var description: String {
        switch self {
        case .higherTerm(let seen, let own, let safekeeper):
            "safekeeper \(safekeeper) is in term \(seen), above our term \(own): another proposer has been elected"
        case .voteRefused(let term, let safekeeper):
            "safekeeper \(safekeeper) refuses its vote in term \(term): it has been given already"
        case .newerGeneration(let seen, let own, let safekeeper):
            "safekeeper \(safekeeper) is in generation \(seen) of the membership, we are in \(own)"
        case .serverBehind(let elected, let serverFlush, let safekeeper):
            "the safekeepers hold WAL up to \(elected) (\(safekeeper)), but the server's WAL ends at \(serverFlush): "
                + "it is not the server that wrote theirs, or it has lost WAL"
        case .noStart:
            "all safekeepers are empty, and it was not said where the timeline starts"
        case .sameSafekeeper(let id, let first, let second):
            "\(first) and \(second) are the same safekeeper \(id)"
        case .invalidHistory(let history, let flush, let safekeeper):
            "the history \(history) of safekeeper \(safekeeper) with WAL up to \(flush) can't be continued"
        case .noTermLeft(let safekeeper):
            "safekeeper \(safekeeper) is in the last term that there is"
        }
    }
}
