internal import PostgresWAL
public import ReplicationProtocol
internal import ShardIdentity

/// One connection to a safekeeper, as a state machine: what happens goes in, what is to be done comes out.
///
/// It sees each message before it is decoded, and knows at any time how far the sink has got:
///
/// - **Replies.** What is reported as received is the last record that the sink has taken in, in the answer to a message
///   as in one to a keep-alive, for both protocols. So it is true, and never goes back. (Upstream reports the end of the
///   streamed WAL after a message, which may be inside a record, and then a keep-alive takes that back.)
/// - **Contiguity.** A batch has to begin at or before the last record that was taken in; raw WAL at or before the end of
///   the raw WAL before it. Anything else is a gap, an error, and the next session begins where the sink is. This is
///   stricter than upstream, which compares with the end of the streamed WAL and so can't see that the beginning of a
///   record was lost.
/// - **Repetition.** What comes twice is not decoded twice, or passed over by the sink.
/// - **A full sink.** The message is kept and tried again; nothing is read meanwhile. Reports go on, so that the sender
///   does not think that we are gone.
///
/// Source: `replication-protocol.md` §6, `ingest.md` §1.7.
public struct ReceiverSession: Sendable {
    /// What a session is told about besides what happens.
    public struct Context: Hashable, Sendable {
        /// The time.
        public var now: Moment
        /// How far the sink has got.
        public var positions: SinkPositions

        /// Makes a context.
        public init(now: Moment, positions: SinkPositions) {
            self.now = now
            self.positions = positions
        }
    }

    /// What a session does or waits for.
    enum Phase: Hashable, Sendable {
        case connecting
        case identifying
        case starting
        case streaming
        case decoding(Payload)
        case ingesting(next: LSN)
        case paused(next: LSN)
        case ended(SessionEnd)

        var name: String {
            switch self {
            case .connecting: "connecting"
            case .identifying: "identifying the system"
            case .starting: "starting replication"
            case .streaming: "streaming"
            case .decoding: "decoding a message"
            case .ingesting: "ingesting a message"
            case .paused: "waiting for space"
            case .ended: "ended"
            }
        }
    }

    /// A payload that is being decoded.
    enum Payload: Hashable, Sendable {
        case records(streaming: LSN)
        case wal(end: LSN)
    }

    /// How long a full sink is left alone before it is tried again.
    public static let retryPause = Duration.seconds(1)

    /// What is received.
    public let target: ReceiverTarget
    /// What the connection has seen.
    public private(set) var status: ConnectionStatus
    /// Whether data or sender may be damaged; stays once it is set.
    public private(set) var corruptionDetected: Bool
    private(set) var phase = Phase.connecting
    private let selection: WALReceiverProtocol
    private let requiresBatchStart: Bool
    /// Up to where the sink has everything: for a batch, and for raw WAL.
    private var covered = LSN.invalid
    private var rawEnd = LSN.invalid
    /// The last record when the session began.
    private let initialLSN: LSN
    private var reported: PageserverFeedback

    /// Makes a session that is about to connect.
    ///
    /// - Parameters:
    ///   - target: what is received.
    ///   - selection: how WAL is to come.
    ///   - requiresBatchStart: whether a batch that does not say where its WAL begins is refused; senders from before
    ///     February 2025 never say.
    ///   - corruptionDetected: what an earlier session of this shard has found.
    ///   - context: the time, and where the sink is.
    public init(
        _ target: ReceiverTarget,
        selection: WALReceiverProtocol,
        requiresBatchStart: Bool = true,
        corruptionDetected: Bool = false,
        context: Context
    ) {
        self.target = target
        self.selection = selection
        self.requiresBatchStart = requiresBatchStart
        self.corruptionDetected = corruptionDetected
        initialLSN = context.positions.lastRecord
        status = ConnectionStatus(at: context.now)
        reported = PageserverFeedback(shardNumber: UInt32(target.identity.number.rawValue))
    }

    /// How the session has ended; nil while it lasts.
    public var end: SessionEnd? {
        if case .ended(let end) = phase { end } else { nil }
    }

    /// Takes in what has happened; gives what is to be done, in order.
    ///
    /// After the end nothing is.
    public mutating func handle(_ event: SessionEvent, _ context: Context) -> [SessionAction] {
        if case .ended = phase { return [] }
        switch event {
        case .cancelled: return finish(.cancelled)
        case .disconnected(let message): return finish(.connectionLost(message))
        case .serverError(let message, let sqlState):
            let isCaughtUp = sqlState == "00000" && message.contains("ending streaming")
            return isCaughtUp
                ? finish(.caughtUp(message)) : fail(.server(message: message, sqlState: sqlState), context)
        case .misunderstood(let fault): return fail(fault, context)
        default: break
        }
        switch (phase, event) {
        case (.connecting, .loggedIn): return logIn(context)
        case (.identifying, .identified(let system)): return identify(system, context)
        case (.starting, .streaming):
            phase = .streaming
            return []
        case (.streaming, .message(let message, let payload)): return take(message, payload, context)
        case (.streaming, .malformed(let error)): return fail(.message(error), context)
        case (.streaming, .copyDone): return finish(.finished)
        case (.decoding(let payload), .decoded(let facts)): return take(facts, of: payload, context)
        case (.decoding(let payload), .undecodable(let fault)): return fail(Self.fault(fault, payload), context)
        case (.ingesting(let next), .ingested): return ingested(next, context)
        case (.ingesting(let next), .ingestFailed(let error)): return ingestFailed(error, next, context)
        case (.paused(let next), .retryDue):
            phase = .ingesting(next: next)
            return [.ingest]
        default: return fail(.unexpected("\(event.name)", while: phase.name), context)
        }
    }
}

// MARK: - The beginning and the end

extension ReceiverSession {
    private mutating func logIn(_ context: Context) -> [SessionAction] {
        phase = .identifying
        status.isConnected = true
        status.latestConnectionUpdate = context.now
        status.latestWALUpdate = context.now
        return [.identifySystem]
    }

    private mutating func identify(_ system: SystemIdentification, _ context: Context) -> [SessionAction] {
        status.latestConnectionUpdate = context.now
        status.latestWALUpdate = context.now
        status.commitLSN = system.commitLSN
        let last = context.positions.lastRecord
        guard last.isValid, let start = StartPoint.position(behind: last) else { return fail(.noPosition, context) }
        covered = start
        rawEnd = start
        phase = .starting
        return [.startReplication(start)]
    }

    private mutating func finish(_ end: SessionEnd) -> [SessionAction] {
        status.isConnected = false
        status.isPaused = false
        phase = .ended(end)
        return [.end(end)]
    }

    private mutating func fail(_ fault: ReceiverFault, _ context: Context) -> [SessionAction] {
        var actions: [SessionAction] = []
        if fault.isCorruption, !corruptionDetected {
            corruptionDetected = true
            // The sender is told while there is a stream.
            actions.append(reply(context))
        }
        return actions + finish(.failed(ReceiverError(target, context.positions.lastRecord, fault)))
    }

    private static func fault(_ fault: DecodingFault, _ payload: Payload) -> ReceiverFault {
        switch (fault, payload) {
        case (.records(let error), .records(let streaming)), (.records(let error), .wal(let streaming)):
            .undecodable(streaming: streaming, error)
        case (.wal(let error), _): .wal(error)
        case (.meaning(let error), _): .meaning(error)
        }
    }
}

// MARK: - Messages

extension ReceiverSession {
    private mutating func take(
        _ message: WALStreamMessage,
        _ payload: Int,
        _ context: Context
    ) -> [SessionAction] {
        status.latestConnectionUpdate = context.now
        switch message {
        case .keepAlive(let keepAlive):
            status.commitLSN = keepAlive.walEnd
            return keepAlive.replyRequested ? [reply(context)] : []
        case .interpretedRecords(let header):
            guard selection != .vanilla else { return fail(.otherProtocol(found: "interpreted WAL"), context) }
            status.commitLSN = header.commit
            status.streamingLSN = header.streaming
            if payload > 0 { status.latestWALUpdate = context.now }
            phase = .decoding(.records(streaming: header.streaming))
            return [.decode(skipping: 0)]
        case .xLogData(let header):
            guard selection == .vanilla else { return fail(.otherProtocol(found: "raw WAL"), context) }
            return take(header, payload, context)
        }
    }

    private mutating func take(_ header: XLogDataHeader, _ payload: Int, _ context: Context) -> [SessionAction] {
        let (end, overflows) = header.start.rawValue.addingReportingOverflow(UInt64(payload))
        guard !overflows else { return fail(.beyondEnd(start: header.start, byteCount: payload), context) }
        status.commitLSN = header.walEnd
        guard header.start <= rawEnd else { return fail(.gap(expected: rawEnd, found: header.start), context) }
        guard let known = rawEnd.distance(from: header.start), known < UInt64(payload) else { return [] }
        status.streamingLSN = LSN(end)
        status.latestWALUpdate = context.now
        phase = .decoding(.wal(end: LSN(end)))
        return [.decode(skipping: Int(known))]
    }

    private mutating func take(_ facts: BatchFacts?, of payload: Payload, _ context: Context) -> [SessionAction] {
        if case .wal(let end) = payload { rawEnd = end }
        guard let facts else {
            // A part of a record: it is with the decoder, and nothing is to be ingested yet.
            phase = .streaming
            return [reply(context)]
        }
        if let start = facts.rawStart {
            guard start <= covered else { return fail(.gap(expected: covered, found: start), context) }
        } else if requiresBatchStart, case .records(let streaming) = payload {
            return fail(.batchStartMissing(streaming: streaming), context)
        }
        phase = .ingesting(next: facts.nextRecord)
        return [.ingest]
    }

    private mutating func ingested(_ next: LSN, _ context: Context) -> [SessionAction] {
        let last = context.positions.lastRecord
        guard last >= next else { return fail(.sinkPosition(expected: next, found: last), context) }
        var actions: [SessionAction] = status.isPaused ? [.tellFull(false)] : []
        status.isPaused = false
        // Whoever is busy has no reason to complain about silence.
        status.latestConnectionUpdate = context.now
        if last > initialLSN { status.hasProcessedWAL = true }
        covered = max(covered, last)
        phase = .streaming
        actions.append(reply(context))
        return actions
    }

    private mutating func ingestFailed(_ error: WALSinkError, _ next: LSN, _ context: Context) -> [SessionAction] {
        guard error.kind == .full else { return fail(.sink(error), context) }
        let isFirst = !status.isPaused
        status.isPaused = true
        status.latestConnectionUpdate = context.now
        phase = .paused(next: next)
        return (isFirst ? [.tellFull(true)] : []) + [reply(context), .retry(after: Self.retryPause)]
    }

    /// What is reported; positions never go back.
    private mutating func reply(_ context: Context) -> SessionAction {
        let positions = context.positions
        reported.currentTimelineSize = positions.logicalSize
        reported.lastReceived = max(reported.lastReceived, positions.lastRecord)
        reported.diskConsistent = max(reported.diskConsistent, positions.diskConsistent)
        reported.remoteConsistent = max(reported.remoteConsistent, positions.remoteConsistent)
        reported.replyTime = context.now.wall
        reported.corruptionDetected = corruptionDetected
        return .reply(reported)
    }
}

extension SessionEvent {
    /// What happened, for messages.
    var name: String {
        switch self {
        case .loggedIn: "a login"
        case .identified: "an identification"
        case .streaming: "the beginning of a stream"
        case .message(.xLogData, _): "raw WAL"
        case .message(.keepAlive, _): "a keep-alive"
        case .message(.interpretedRecords, _): "interpreted WAL"
        case .malformed(let error): "\(error)"
        case .decoded: "a decoded message"
        case .undecodable: "a message that can't be decoded"
        case .ingested: "an ingested message"
        case .ingestFailed: "a failure of the sink"
        case .retryDue: "the time to try again"
        case .copyDone: "the end of the stream"
        case .serverError(let message, _): message
        case .disconnected(let message): message
        case .misunderstood(let fault): "\(fault)"
        case .cancelled: "a cancellation"
        }
    }
}
