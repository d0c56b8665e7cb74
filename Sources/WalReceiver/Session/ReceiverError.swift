public import InterpretedWAL
public import PostgresWAL
public import ReplicationProtocol

/// Why a connection to a safekeeper has ended with an error; the process and its other connections are not concerned.
public struct ReceiverError: Error, Hashable, Sendable {
    /// What was being received.
    public let target: ReceiverTarget
    /// The last record that had been taken in.
    public let lastRecordLSN: LSN
    /// What was wrong.
    public let reason: ReceiverFault

    init(_ target: ReceiverTarget, _ lastRecordLSN: LSN, _ reason: ReceiverFault) {
        self.target = target
        self.lastRecordLSN = lastRecordLSN
        self.reason = reason
    }
}

extension ReceiverError: CustomStringConvertible {
    /// What was wrong, with the timeline and the last record's LSN.
    public var description: String { "receiving WAL of \(target) behind \(lastRecordLSN): \(reason)" }
}

/// What can be wrong with a connection to a safekeeper.
///
/// Where the reference has a text for it, ours begins with the same words.
public enum ReceiverFault: Error, Hashable, Sendable {
    /// The sink has no position to start from.
    case noPosition
    /// The answer to `IDENTIFY_SYSTEM` is none.
    case identification(String)
    /// The server sent an error.
    case server(message: String, sqlState: String?)
    /// Something came that does not belong here.
    case unexpected(String, while: String)
    /// A message of the stream is not one.
    case message(WALStreamMessageError)
    /// Raw WAL came although interpreted was asked for, or the other way round.
    case otherProtocol(found: String)
    /// WAL is missing: it goes on behind what has been taken in.
    case gap(expected: LSN, found: LSN)
    /// A batch does not say where its WAL begins, which has to be checked.
    case batchStartMissing(streaming: LSN)
    /// A message reaches beyond the last LSN.
    case beyondEnd(start: LSN, byteCount: Int)
    /// Records can't be decompressed or read.
    case undecodable(streaming: LSN, WireError)
    /// Raw WAL can't be decoded.
    case wal(WALDecodeError)
    /// A record of raw WAL has no meaning.
    case meaning(InterpretationError)
    /// The sink has not taken the message in.
    case sink(WALSinkError)
    /// The sink is not where it has to be after a message.
    case sinkPosition(expected: LSN, found: LSN)

    /// Whether the shard's data, or its sender, may be damaged, so that others have to be told.
    ///
    /// Source: `replication-protocol.md` §6.3.
    public var isCorruption: Bool {
        switch self {
        case .gap: true
        case .sink(let error): error.kind == .rejected
        default: false
        }
    }
}

extension ReceiverFault: CustomStringConvertible {
    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .noPosition: "No previous WAL position"
        case .identification(let answer): "IDENTIFY_SYSTEM parse error: \(answer)"
        case .server(let message, let sqlState): sqlState.map { "\(message) (\($0))" } ?? message
        case .unexpected(let what, let phase): "\(what) while \(phase)"
        case .message(let error): "\(error)"
        case .otherProtocol(let found): "\(found) came, which was not asked for"
        case .gap(let expected, let found): "Gap in streamed WAL: [\(expected), \(found))"
        case .batchStartMissing(let streaming): "the batch up to \(streaming) does not say where its WAL begins"
        case .beyondEnd(let start, let byteCount): "\(byteCount) bytes of WAL at \(start) reach beyond the last LSN"
        case .undecodable(let streaming, let error):
            "Failed to deserialize interpreted records ending at LSN \(streaming): \(error)"
        case .wal(let error): "\(error)"
        case .meaning(let error): "\(error)"
        case .sink(let error): "\(error)"
        case .sinkPosition(let expected, let found): "the last record is at \(found), it has to be at \(expected)"
        }
    }
}

/// How a connection to a safekeeper has ended.
public enum SessionEnd: Hashable, Sendable {
    /// It was told to end.
    case cancelled
    /// The sender has ended the stream without saying why.
    case finished
    /// The sender has ended the stream, since there is nothing to send for now.
    case caughtUp(String)
    /// The connection could not be made, or is lost.
    case connectionLost(String)
    /// Something is wrong.
    case failed(ReceiverError)

    /// Whether there is nothing to worry about.
    public var isExpected: Bool {
        if case .failed = self { false } else { true }
    }
}
