package import ReplicationProtocol

/// Why a proposer's connection has to be closed with an error.
///
/// The texts are sent. Source: `safekeeper-core.md` §1.7.
package enum WALAcceptorError: Error, Sendable {
    /// A message could not be decoded.
    case message(ConsensusMessageError)
    /// The first message was not a greeting.
    case noGreeting(ProposerMessage)
    /// The timeline could not be made.
    case creation(TimelineError)
    /// The timeline can't be had.
    case timeline(TimelineError)
    /// A message was refused, or the disk failed.
    case acceptor(AcceptorError)
    /// The connection failed.
    case connection(any Error)
}

extension WALAcceptorError: CustomStringConvertible {
    /// The message.
    package var description: String {
        switch self {
        case .message(let error): "\(error)"
        case .noGreeting(let message): "unexpected message \(message) instead of greeting"
        case .creation(let error): "create timeline: \(error)"
        case .timeline(let error): "\(error)"
        case .acceptor(let error): "WAL acceptor: \(error)"
        case .connection(let error): "\(error)"
        }
    }
}
