public import PostgresWAL

/// What precedes the WAL of a `w` message.
///
/// Source: `replication-protocol.md` §4.1.
public struct XLogDataHeader: Hashable, Sendable {
    /// The bytes before the WAL.
    public static let size = 25
    /// Where the WAL in the message begins.
    public var start: LSN
    /// The end of the WAL that the sender has.
    public var walEnd: LSN
    /// When it was sent.
    public var time: PostgresTimestamp

    /// Makes a header.
    public init(start: LSN, walEnd: LSN, time: PostgresTimestamp) {
        self.start = start
        self.walEnd = walEnd
        self.time = time
    }
}

/// A sign of life from the sender, `k`.
///
/// Source: `replication-protocol.md` §4.2.
public struct KeepAlive: Hashable, Sendable {
    /// The end of the WAL that the sender has.
    public var walEnd: LSN
    /// When it was sent.
    public var time: PostgresTimestamp
    /// Whether an answer is wanted.
    public var replyRequested: Bool

    /// Makes a sign of life.
    public init(walEnd: LSN, time: PostgresTimestamp, replyRequested: Bool) {
        self.walEnd = walEnd
        self.time = time
        self.replyRequested = replyRequested
    }
}

/// What precedes the records of a `0` message.
///
/// Source: `replication-protocol.md` §4.3.
public struct InterpretedRecordsHeader: Hashable, Sendable {
    /// The bytes before the records.
    public static let size = 17
    /// The end of the raw WAL that the records were made from; may lie inside a record.
    public var streaming: LSN
    /// How far WAL is committed, as far as the sender knows.
    public var commit: LSN

    /// Makes a header.
    public init(streaming: LSN, commit: LSN) {
        self.streaming = streaming
        self.commit = commit
    }
}

/// A message of a WAL stream to its receiver; WAL and records are not copied but lie at ``payloadRange(in:)``.
public enum WALStreamMessage: Hashable, Sendable {
    /// Raw WAL.
    case xLogData(XLogDataHeader)
    /// A sign of life.
    case keepAlive(KeepAlive)
    /// Interpreted records in the form agreed on at the start.
    case interpretedRecords(InterpretedRecordsHeader)

    /// Where WAL or records lie in the message, which was `count` bytes long.
    ///
    /// Traps if the message was not that long.
    public func payloadRange(in count: Int) -> Range<Int> {
        switch self {
        case .xLogData: XLogDataHeader.size..<count
        case .keepAlive: count..<count
        case .interpretedRecords: InterpretedRecordsHeader.size..<count
        }
    }
}

/// Why a message of a WAL stream could not be decoded.
public enum WALStreamMessageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No byte at all.
    case empty
    /// A message that a receiver does not know.
    case unknownTag(UInt8)
    /// A field of the message with this tag is wrong.
    case invalidField(tag: UInt8, FieldFault)

    /// What is wrong; the first words are those of other implementations.
    public var description: String {
        switch self {
        case .empty:
            "empty replication message"
        case .unknownTag(let tag):
            "unknown replication message tag \(tag)"
        case .invalidField(UInt8(ascii: "r"), let fault):
            "failed to deserialize StandbyReply: deserialize error: \(fault)"
        case .invalidField(UInt8(ascii: "h"), let fault):
            "failed to deserialize HotStandbyFeedback: deserialize error: \(fault)"
        case .invalidField(let tag, let fault):
            "\(fault) (message '\(Character(Unicode.Scalar(tag)))')"
        }
    }
}
