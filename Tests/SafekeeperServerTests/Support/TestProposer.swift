import InterpretedWAL
import NIOCore
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import Synchronization
import TestFixtures
import Testing

/// A proposer with a connection to a safekeeper, without a network.
final class TestProposer: Sendable {
    /// A failure to get an answer.
    struct NoAnswer: Error {}

    let id: TenantTimelineID
    let version: ConsensusProtocolVersion
    private let safekeeper: TestSafekeeper
    private let outgoing: AsyncStream<ByteBuffer>.Continuation
    private let answers: AsyncStream<AcceptorMessage>
    private let state: Mutex<State>
    /// How the connection has ended.
    let ending: Task<Result<WALAcceptor.Ending, WALAcceptorError>, Never>

    struct State {
        var generator: WALGenerator<LogicalMessageSource>
        var sent: LSN
        var term = Term.initial
        var generation = Generation.invalid
    }

    /// Where the WAL of a timeline begins that has none.
    static let start = LSN(0x14E_E150)

    init(
        _ safekeeper: TestSafekeeper,
        _ id: TenantTimelineID,
        version: ConsensusProtocolVersion = .v3,
        allowsCreation: Bool = true,
        number: UInt64 = 1,
        beforeSending: @escaping @Sendable ([AcceptorMessage]) async throws -> Void = { _ in }
    ) throws {
        self.safekeeper = safekeeper
        self.id = id
        self.version = version
        let (messages, outgoing) = AsyncStream.makeStream(of: ByteBuffer.self)
        let (answers, incoming) = AsyncStream.makeStream(of: AcceptorMessage.self)
        self.outgoing = outgoing
        self.answers = answers
        let connection = WALAcceptor.Connection(
            id: id,
            version: version,
            allowsCreation: allowsCreation,
            number: number
        )
        let acceptor = WALAcceptor(
            registry: safekeeper.registry,
            connection: connection,
            logger: safekeeper.log.logger
        )
        state = Mutex(State(generator: try Self.generator(from: Self.start), sent: Self.start))
        ending = Task {
            defer { incoming.finish() }
            do throws(WALAcceptorError) {
                return .success(
                    try await acceptor.run(messages: messages) { batch in
                        try await beforeSending(batch)
                        for message in batch { incoming.yield(message) }
                    }
                )
            } catch {
                return .failure(error)
            }
        }
    }

    static func generator(from start: LSN) throws -> WALGenerator<LogicalMessageSource> {
        try WALGenerator(
            LogicalMessageSource(),
            version: .v15,
            segmentSize: try #require(WALSegmentSize(bytes: UInt64(TestSafekeeper.server.segmentSize))),
            systemIdentifier: TestSafekeeper.server.systemIdentifier,
            startingAt: start
        )
    }

    // MARK: Messages

    func send(_ message: ProposerMessage, wal: RawSpan = RawSpan()) {
        outgoing.yield(encoded(message, version, wal: wal))
    }

    func send(raw bytes: [UInt8]) {
        outgoing.yield(ByteBuffer(bytes: bytes))
    }

    /// The next answer.
    func answer() async throws -> AcceptorMessage {
        for await answer in answers { return answer }
        throw NoAnswer()
    }

    /// The next answer, which is to an append request.
    func response() async throws -> AppendResponse {
        guard case .appendResponse(let response) = try await answer() else { throw NoAnswer() }
        return response
    }

    /// The next answer that says that WAL is durable up to a position.
    @discardableResult
    func response(flushed lsn: LSN) async throws -> AppendResponse {
        while true {
            let response = try await response()
            if response.flush >= lsn { return response }
        }
    }

    /// The connection ends from this side.
    func disconnect() {
        outgoing.finish()
    }

    /// Ends the connection, and gives how it has ended.
    func finish() async throws -> WALAcceptor.Ending {
        disconnect()
        return try await ending.value.get()
    }

    // MARK: A proposer's way

    func greeting(
        version: UInt32 = TestSafekeeper.server.versionNumber,
        segmentSize: UInt32 = TestSafekeeper.server.segmentSize
    ) -> ProposerMessage {
        .greeting(
            ProposerGreeting(
                tenant: id.tenant,
                timeline: id.timeline,
                serverVersionNumber: version,
                systemID: TestSafekeeper.server.systemIdentifier,
                segmentSize: segmentSize
            )
        )
    }

    /// Greets, is elected and is ready to stream; gives where.
    @discardableResult
    func elect() async throws -> LSN {
        send(greeting())
        guard case .greeting(let greeting) = try await answer() else { throw NoAnswer() }
        let term = Term(greeting.term.rawValue + 1)
        let generation = greeting.membership.generation
        send(.voteRequest(VoteRequest(generation: generation, term: term)))
        guard case .voteResponse(let vote) = try await answer(), vote.voteGiven else { throw NoAnswer() }
        let start = vote.flush.isValid ? vote.flush : Self.start
        var history = vote.history
        try history.append(TermLSN(term: term, lsn: start))
        send(
            .elected(
                ProposerElected(generation: generation, term: term, startStreamingAt: start, history: history)
            )
        )
        try state.withLock { state in
            state.term = term
            state.generation = generation
            state.sent = start
            state.generator = try Self.generator(from: start)
        }
        return start
    }

    /// Sends a record of so many bytes, in as many messages as it takes.
    ///
    /// - Returns: the position up to which it will be flushed.
    @discardableResult
    func append(_ count: Int = 100, commit: LSN = .invalid) -> LSN {
        state.withLock { state in
            let contents = WALRecordContents(
                resourceManager: .logicalMessage,
                info: 0,
                mainData: [UInt8](repeating: 7, count: count)
            )
            let element = state.generator.append(contents)
            let bytes = element.bytes
            var offset = 0
            while offset < bytes.count {
                let size = min(AppendRequest.maximumWALSize, bytes.count - offset)
                let request = request(state, bytes: UInt64(size), commit: commit)
                send(.append(request), wal: bytes.span.bytes.extracting(offset..<offset + size))
                state.sent += UInt64(size)
                offset += size
            }
            return element.next
        }
    }

    /// Ends the segment.
    @discardableResult
    func appendSwitch() -> LSN {
        state.withLock { state in
            let element = state.generator.append(.segmentSwitch)
            let bytes = element.bytes
            var offset = 0
            while offset < bytes.count {
                let size = min(AppendRequest.maximumWALSize, bytes.count - offset)
                send(
                    .append(request(state, bytes: UInt64(size), commit: .invalid)),
                    wal: bytes.span.bytes.extracting(offset..<offset + size)
                )
                state.sent += UInt64(size)
                offset += size
            }
            return element.next
        }
    }

    func heartbeat(commit: LSN = .invalid) {
        state.withLock { state in send(.append(request(state, bytes: 0, commit: commit))) }
    }

    private func request(_ state: State, bytes: UInt64, commit: LSN) -> AppendRequest {
        AppendRequest(
            generation: state.generation,
            term: state.term,
            begin: state.sent,
            end: state.sent + bytes,
            commit: commit,
            truncate: .invalid
        )
    }
}

/// A message as it is sent.
func encoded(_ message: ProposerMessage, _ version: ConsensusProtocolVersion, wal: RawSpan) -> ByteBuffer {
    var output = OutputBuffer()
    switch message {
    case .greeting(let greeting): greeting.encode(into: &output, version: version)
    case .voteRequest(let request): request.encode(into: &output, version: version)
    case .elected(let elected): elected.encode(into: &output, version: version)
    case .append(let request): request.encode(into: &output, version: version, wal: wal)
    }
    return ByteBuffer(bytes: output.array)
}
