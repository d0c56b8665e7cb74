internal import InterpretedWAL
internal import Logging
internal import PostgresClient
internal import PostgresWAL
internal import ReplicationProtocol

// One connection: does what its session wants.

extension WALReceiver {
    /// How long the connection may keep the thread before others of this receiver get a turn.
    private static let turn = Duration.milliseconds(20)
    /// How old the published status may be while messages come.
    private static let statusAge = Duration.milliseconds(200)

    /// Connects and receives until the connection ends; gives how.
    func receive(_ attempt: ConnectionManager.Attempt) async -> SessionEnd {
        var session = ReceiverSession(
            target,
            selection: configuration.selection,
            requiresBatchStart: configuration.validatesContiguity,
            corruptionDetected: corruptionDetected,
            context: sessionContext
        )
        connectionStatus = (attempt.number, session.status)
        let connection: PostgresConnection
        do throws(PostgresClientError) {
            connection = try await SafekeeperConnection.connect(to: attempt.safekeeper, target, configuration)
        } catch {
            _ = session.handle(.connection(error), sessionContext)
            return session.end ?? .connectionLost("\(error)")
        }
        defer { connection.close() }
        var stream = Stream(connection: connection)
        var event = SessionEvent.loggedIn
        var turnEnd = ContinuousClock.now + Self.turn
        var statusDue = ContinuousClock.now
        while true {
            var next: SessionEvent?
            let wasProcessing = session.status.hasProcessedWAL
            for action in session.handle(event, sessionContext) {
                if case .end(let end) = action {
                    corruptionDetected = session.corruptionDetected
                    connectionStatus = (attempt.number, session.status)
                    return end
                }
                // One of the actions is what the session waits for; a broken connection comes before it.
                next = await perform(action, &stream) ?? next
            }
            connectionStatus = (attempt.number, session.status)
            if session.status.hasProcessedWAL != wasProcessing || event == .loggedIn { gate.wake() }
            let now = ContinuousClock.now
            if now >= statusDue {
                statusDue = now + Self.statusAge
                publish()
            }
            if let next {
                event = next
                continue
            }
            // Nothing may come for long: what was counted is to be seen before that.
            gate.note(session.status, statistics)
            if now >= turnEnd {
                await Task.yield()
                turnEnd = ContinuousClock.now + Self.turn
            }
            event = await stream.next()
            statistics.count(event)
        }
    }

    private var sessionContext: ReceiverSession.Context {
        ReceiverSession.Context(now: .now, positions: sink.positions)
    }

    /// Does what a session wants; gives what has come of it, if the session waits for that.
    private func perform(_ action: SessionAction, _ stream: inout Stream) async -> SessionEvent? {
        switch action {
        case .identifySystem:
            return await stream.identifySystem(timeout: configuration.manager.connectTimeout)
        case .startReplication(let lsn):
            return await stream.start(at: lsn, target, configuration)
        case .decode(let skipped):
            return stream.decode(skipping: skipped)
        case .ingest:
            return ingest(&stream)
        case .reply(let feedback):
            statistics.replies += 1
            return await stream.reply(feedback)
        case .retry(let pause):
            try? await Task.sleep(for: pause)
            return Task.isCancelled ? .cancelled : .retryDue
        case .tellFull(let isFull):
            if isFull {
                statistics.pauses += 1
                logger.critical("the store is full: nothing is received until there is space")
            } else {
                logger.warning("the store has space again")
            }
            gate.wake()
            return nil
        case .end:
            return nil
        }
    }

    private func ingest(_ stream: inout Stream) -> SessionEvent {
        guard !Task.isCancelled, !gate.isStopping else { return .cancelled }
        do throws(WALSinkError) {
            try stream.give(to: sink)
        } catch {
            return .ingestFailed(error)
        }
        statistics.records += UInt64(stream.recordCount)
        return .ingested
    }
}

/// The stream of one connection: messages as they come, and what was made of the last one.
private struct Stream: ~Copyable {
    private let connection: PostgresConnection
    private var decoder: PayloadDecoder?
    private var data: CopyData?
    private var payload = 0..<0
    private(set) var recordCount = 0

    init(connection: PostgresConnection) {
        self.connection = connection
    }

    nonisolated(nonsending) func identifySystem(timeout: Duration) async -> SessionEvent {
        do throws(PostgresClientError) {
            let answer = try await connection.query("IDENTIFY_SYSTEM", timeout: timeout)
            guard let system = SystemIdentification(answer) else {
                return .misunderstood(.identification("\(answer.rows)"))
            }
            return .identified(system)
        } catch {
            return .connection(error)
        }
    }

    nonisolated(nonsending) mutating func start(
        at lsn: LSN,
        _ target: ReceiverTarget,
        _ configuration: ReceiverConfiguration
    ) async -> SessionEvent {
        do throws(DecodingFault) {
            decoder = try PayloadDecoder(configuration.selection, target, startingAt: lsn)
        } catch {
            return .misunderstood(ReceiverFault(error))
        }
        do throws(PostgresClientError) {
            let command = "\(ReplicationCommand.startReplication(StartReplication(start: lsn)))"
            try await connection.startCopy(command, timeout: configuration.manager.connectTimeout)
            return .streaming
        } catch {
            return .connection(error)
        }
    }

    /// Waits for the next message.
    nonisolated(nonsending) mutating func next() async -> SessionEvent {
        let received: CopyData?
        do throws(PostgresClientError) {
            received = try await connection.receive()
        } catch {
            return .connection(error)
        }
        guard let received else { return .copyDone }
        data = received
        do throws(WALStreamMessageError) {
            let message = try WALStreamMessage(decoding: received.bytes)
            payload = message.payloadRange(in: received.count)
            return .message(message, payload: payload.count)
        } catch {
            return .malformed(error)
        }
    }

    mutating func decode(skipping skipped: Int) -> SessionEvent {
        guard let data else { return .decoded(nil) }
        do throws(DecodingFault) {
            let part = data.bytes.extracting(payload.lowerBound + skipped..<payload.upperBound)
            let facts = try decoder?.decode(part)
            recordCount = facts?.recordCount ?? 0
            return .decoded(facts)
        } catch {
            return .undecodable(error)
        }
    }

    func give(to sink: any WALSink) throws(WALSinkError) {
        guard decoder != nil else { return }
        try decoder?.give(to: sink)
    }

    /// Sends a report; gives what has gone wrong.
    nonisolated(nonsending) func reply(_ feedback: PageserverFeedback) async -> SessionEvent? {
        var buffer = OutputBuffer(minimumCapacity: 256)
        WALStreamReply.pageserverFeedback(feedback).encode(into: &buffer)
        do throws(PostgresClientError) {
            try await connection.send(buffer.array)
            return nil
        } catch {
            return .connection(error)
        }
    }
}

extension PayloadDecoder {
    /// Gives the message that was decoded last to a sink.
    fileprivate borrowing func give(to sink: any WALSink) throws(WALSinkError) {
        try sink.ingest(message: message)
    }
}

extension SessionEvent {
    /// What an error of the connection means.
    fileprivate static func connection(_ error: PostgresClientError) -> SessionEvent {
        switch error {
        case .server(let message, let sqlState): .serverError(message: message, sqlState: sqlState)
        case .cancelled, .closed: .cancelled
        case .unexpectedAnswer(let answer): .misunderstood(.unexpected(answer, while: "waiting for an answer"))
        default: .disconnected("\(error)")
        }
    }
}

extension ReceiverStatistics {
    fileprivate mutating func count(_ event: SessionEvent) {
        guard case .message(_, let payload) = event, payload > 0 else { return }
        messages += 1
        payloadBytes += UInt64(payload)
    }
}

extension ReceiverFault {
    fileprivate init(_ fault: DecodingFault) {
        self =
            switch fault {
            case .records(let error): .undecodable(streaming: .invalid, error)
            case .wal(let error): .wal(error)
            case .meaning(let error): .meaning(error)
            }
    }
}
