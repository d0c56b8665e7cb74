package import PostgresWAL
package import ReplicationProtocol
package import ShardIdentity

/// Why a proposer's message was refused; the connection it came from is of no use any more.
///
/// The texts are those of `safekeeper-core.md` §1.7 where it has one.
package enum AcceptorError: Error, Hashable, Sendable {
    /// The greeting names no server version that there is.
    case unknownServerVersion(UInt32)
    /// The greeting names another major version.
    case serverVersion(found: UInt32, expected: UInt32)
    /// The greeting is for another tenant.
    case tenant(found: TenantID, expected: TenantID)
    /// The greeting is for another timeline.
    case timeline(found: TimelineID, expected: TimelineID)
    /// The greeting names another segment size.
    case segmentSize(found: UInt32, expected: UInt32)
    /// A new configuration that this safekeeper is not in.
    case notAMember(MembershipConfiguration, node: SafekeeperID)
    /// A message of another generation.
    case generation(message: String, own: Generation)
    /// An append request of another generation.
    case appendGeneration(request: Generation, own: Generation)
    /// An elected proposer without a history.
    case emptyHistory(term: Term)
    /// An elected proposer whose history doesn't end with its own term.
    case historyOfAnotherTerm(TermHistory, term: Term)
    /// A history that contradicts the one that is here.
    case conflictingHistory(TermHistoryConflict)
    /// An elected proposer that wants to stream from elsewhere than where the histories part.
    case truncationPoint(expected: TermLSN, ElectedContext)
    /// An elected proposer that wants committed WAL to be cut off.
    case truncationOfCommitted(commitLSN: LSN, ElectedContext)
    /// WAL or a heartbeat of a proposer that hasn't said that it is elected.
    case appendBeforeElected(term: Term, own: Term)
    /// The store refused, or the disk.
    case store(WALStoreError)
    /// The control file could not be written.
    case controlFile(ControlFileError)
}

extension AcceptorError {
    /// What an elected proposer said, and what is here.
    package struct ElectedContext: Hashable, Sendable, CustomStringConvertible {
        package let startStreamingAt: LSN
        package let term: Term
        package let acceptorHistory: TermHistory
        package let flushLSN: LSN
        package let proposerHistory: TermHistory

        package var description: String {
            "start_streaming_at=\(startStreamingAt) term=\(term) sk_th=\(acceptorHistory) flush_lsn=\(flushLSN) "
                + "wp_th=\(proposerHistory)"
        }
    }
}

extension AcceptorError: CustomStringConvertible {
    /// The message.
    package var description: String {
        switch self {
        case .unknownServerVersion(let version): "InvalidPgVersion(\(version))"
        case .serverVersion(let found, let expected): "incompatible server version \(found), expected \(expected)"
        case .tenant(let found, let expected): "invalid tenant ID, got \(found), expected \(expected)"
        case .timeline(let found, let expected): "invalid timeline ID, got \(found), expected \(expected)"
        case .segmentSize(let found, let expected): "invalid wal_seg_size, got \(found), expected \(expected)"
        case .notAMember(let configuration, let node):
            "refused to switch into \(configuration), node \(node) is not a member of it"
        case .generation(let message, let own):
            "refusing \(message) due to generation mismatch: sk generation \(own)"
        case .appendGeneration(let request, let own):
            "refusing append request due to generation mismatch: request \(request), sk \(own)"
        case .emptyHistory(let term): "empty walproposer term history in term \(term)"
        case .historyOfAnotherTerm(let history, let term):
            "refusing ProposerElected of term \(term): its history \(history) ends with another term"
        case .conflictingHistory(let conflict): "refusing ProposerElected: \(conflict)"
        case .truncationPoint(let expected, let context):
            "refusing ProposerElected with unexpected truncation point: lcp=\(expected) \(context)"
        case .truncationOfCommitted(let commitLSN, let context):
            "refusing ProposerElected that truncates committed WAL: commit_lsn=\(commitLSN) \(context)"
        case .appendBeforeElected(let term, let own):
            "got AppendRequest before ProposerElected: request term \(term), sk term \(own)"
        case .store(let error): "\(error)"
        case .controlFile(let error): "\(error)"
        }
    }
}
