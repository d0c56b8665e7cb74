public import InterpretedWAL
public import PostgresWAL
public import ReplicationProtocol

/// What a safekeeper says of itself and a timeline.
public struct SystemIdentification: Hashable, Sendable {
    /// The cluster's number.
    public var systemID: UInt64
    /// PostgreSQL's timeline.
    public var timeline: UInt32
    /// How far WAL is committed.
    public var commitLSN: LSN

    /// Makes an identification.
    public init(systemID: UInt64, timeline: UInt32, commitLSN: LSN) {
        self.systemID = systemID
        self.timeline = timeline
        self.commitLSN = commitLSN
    }
}

/// What is known of a message for the sink.
public struct BatchFacts: Hashable, Sendable {
    /// Where its WAL begins, if the sender says.
    public var rawStart: LSN?
    /// Where the next record behind it starts.
    public var nextRecord: LSN
    /// The number of records.
    public var recordCount: Int

    /// Makes facts.
    public init(rawStart: LSN?, nextRecord: LSN, recordCount: Int) {
        self.rawStart = rawStart
        self.nextRecord = nextRecord
        self.recordCount = recordCount
    }
}

/// What happens to a session.
public enum SessionEvent: Hashable, Sendable {
    /// The connection is made and the login done.
    case loggedIn
    /// The answer to ``SessionAction/identifySystem``.
    case identified(SystemIdentification)
    /// The stream has begun.
    case streaming
    /// A message of the stream, with the number of bytes of its payload.
    case message(WALStreamMessage, payload: Int)
    /// What came in the stream is no message.
    case malformed(WALStreamMessageError)
    /// The payload was decoded; nil if raw WAL has completed no record.
    case decoded(BatchFacts?)
    /// The payload could not be decoded.
    case undecodable(DecodingFault)
    /// The sink has taken the message in.
    case ingested
    /// The sink has not.
    case ingestFailed(WALSinkError)
    /// The time of ``SessionAction/retry(after:)`` has passed.
    case retryDue
    /// The sender has ended the stream.
    case copyDone
    /// The server has sent an error.
    case serverError(message: String, sqlState: String?)
    /// The connection is lost, or could not be made.
    case disconnected(String)
    /// The server has answered with something else than what was asked for.
    case misunderstood(ReceiverFault)
    /// The session is to end.
    case cancelled
}

/// Why a payload could not be decoded.
public enum DecodingFault: Error, Hashable, Sendable {
    /// Interpreted records.
    case records(WireError)
    /// Raw WAL.
    case wal(WALDecodeError)
    /// Raw WAL that could be decoded.
    case meaning(InterpretationError)
}

/// What a session wants done.
public enum SessionAction: Hashable, Sendable {
    /// Ask who is there.
    case identifySystem
    /// Ask for WAL.
    case startReplication(LSN)
    /// Decode the message's payload, without so many of its first bytes.
    case decode(skipping: Int)
    /// Give what was decoded to the sink.
    case ingest
    /// Send this.
    case reply(PageserverFeedback)
    /// Give it to the sink again after this time.
    case retry(after: Duration)
    /// Tell an operator that the sink is full, or has space again; not told again when the session ends.
    case tellFull(Bool)
    /// The session is over.
    case end(SessionEnd)
}
