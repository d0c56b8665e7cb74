/// Why a message between a proposer and a safekeeper could not be decoded.
///
/// The descriptions are what other implementations send where `safekeeper-core.md` §1.7 gives a text.
public enum ConsensusMessageError: Error, Hashable, Sendable {
    /// The message is too short for a tag.
    case missingTag(available: Int)
    /// A tag that the sender has no message for.
    case unknownTag(UInt64)
    /// A field of the message with this tag is wrong.
    case invalidField(tag: UInt8, FieldFault)
    /// The WAL of an append request would end before it begins; positions in bytes.
    case reversedRange(begin: UInt64, end: UInt64)
    /// An append request with more WAL than a message may carry.
    case tooMuchWAL(count: UInt64)
    /// An append request with less WAL than it says.
    case truncatedWAL(needed: Int, available: Int)
}

extension ConsensusMessageError: CustomStringConvertible {
    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .missingTag:
            "ProposerAcceptorMessage is not complete: missing tag"
        case .unknownTag(let tag):
            "unknown proposer-acceptor message tag: \(tag)"
        case .invalidField(let tag, let fault):
            "\(fault) (message '\(Character(Unicode.Scalar(tag)))')"
        case .reversedRange:
            "begin_lsn > end_lsn in AppendRequest"
        case .tooMuchWAL:
            "AppendRequest is longer than MAX_SEND_SIZE (\(AppendRequest.maximumWALSize))"
        case .truncatedWAL(let needed, let available):
            "reading WAL: only \(available) bytes left, wanted \(needed)"
        }
    }
}
