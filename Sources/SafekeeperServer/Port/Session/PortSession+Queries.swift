package import ReplicationProtocol

// MARK: - Messages between commands

extension PortSession {
    /// A message of a client that has been let in; what belongs to a failed series is passed over if `skips` is true.
    mutating func nextMessage(in received: RawSpan, from client: PortClient, skips: Bool) -> PortStep {
        let frame: FrontendFrame
        switch nextFrame(in: received, maximumSize: policy.maximumQueryFrame) {
        case .success(let next): frame = next
        case .failure(.needs(let count)): return .needs(count)
        case .failure(.violation(let text)): return .taken(received.byteCount, closeForViolation(text))
        }
        let message: FrontendMessage
        do {
            message = try FrontendMessage(tag: frame.tag, body: received.extracting(frame.bodyRange))
        } catch {
            return .taken(frame.size, closeForViolation("\(error)"))
        }
        switch message {
        case .sync:
            state = .ready(client)
            return .taken(frame.size, .send([.readyForQuery]))
        case .terminate:
            return .taken(frame.size, close(reason: "client left"))
        case .password, .copyData, .copyDone, .copyFail:
            let text = "message '\(Self.name(of: frame.tag))' outside of COPY and login"
            return .taken(frame.size, closeForViolation(text))
        case .query, .parse, .bind, .describeStatement, .describePortal, .execute, .close, .flush:
            return .taken(frame.size, skips ? nil : take(message, from: client))
        }
    }

    private mutating func take(_ message: FrontendMessage, from client: PortClient) -> PortAction? {
        switch message {
        case .query(let text): return run(text, from: client, .simple)
        case .parse(let text):
            preparedText = text
            return .send([.parseComplete])
        case .bind: return .send([.bindComplete])
        // The columns are told with the rows, as the other safekeepers do.
        case .describeStatement: return .send([.noParameters, .noData])
        case .describePortal: return .send([.noData])
        case .execute:
            guard let preparedText else {
                return fail("no command has been prepared", for: client, .extended)
            }
            return run(preparedText, from: client, .extended)
        case .close: return .send([.closeComplete])
        // Nothing is ever held back, so there is nothing to flush.
        default: return nil
        }
    }

    /// Checks in the order of the other safekeepers: the command, the ids, the token.
    private mutating func run(_ text: String, from client: PortClient, _ queryProtocol: QueryProtocol) -> PortAction {
        let command: ReplicationCommand
        do {
            command = try ReplicationCommand(parsing: text)
        } catch {
            return fail("\(error)", for: client, queryProtocol)
        }
        if command == .setDateStyle { return .send(Self.end(of: [.commandComplete("SELECT 1")], queryProtocol)) }
        guard let tenant = client.options.tenant else {
            return fail("tenantid is required", for: client, queryProtocol)
        }
        guard let timeline = client.options.timeline else {
            return fail("timelineid is required", for: client, queryProtocol)
        }
        guard client.permits(.tenant(tenant)) else {
            return fail(TokenError.clientMessage, for: client, queryProtocol)
        }
        state = .running(client, queryProtocol, isAnswered: false)
        return .run(PortCommand(command: command, tenant: tenant, timeline: timeline, client: client))
    }

    /// Tells the client what failed; the session goes on.
    private mutating func fail(
        _ message: String,
        for client: PortClient,
        _ queryProtocol: QueryProtocol
    ) -> PortAction {
        fail(ErrorResponse(message), for: client, queryProtocol)
    }

    private mutating func fail(
        _ error: ErrorResponse,
        for client: PortClient,
        _ queryProtocol: QueryProtocol
    ) -> PortAction {
        state = queryProtocol == .extended ? .skipping(client) : .ready(client)
        return .send(Self.end(of: [.errorResponse(error)], queryProtocol))
    }

    private static func end(of messages: [BackendMessage], _ queryProtocol: QueryProtocol) -> [BackendMessage] {
        queryProtocol == .simple ? messages + [.readyForQuery] : messages
    }
}

// MARK: - What the running command tells

extension PortSession {
    /// The command gives its answer; nil if there is nobody to give it to.
    ///
    /// It is for the session to tell that it is ready for the next command, so that message is left out.
    package mutating func commandAnswers(_ messages: [BackendMessage]) -> PortAction? {
        guard case .running(let client, let queryProtocol, _) = state else { return nil }
        state = .running(client, queryProtocol, isAnswered: true)
        return .send(messages.filter { $0 != .readyForQuery })
    }

    /// The command starts a COPY stream both ways; nil if it can't: it has answered, or the connection is over.
    package mutating func commandStartsCopy() -> PortAction? {
        guard case .running(_, _, isAnswered: false) = state else { return nil }
        state = .copying
        return .send([.copyBothResponse])
    }

    /// The command has ended: another one may come, but for one that had a COPY stream.
    ///
    /// Source: `replication-protocol.md` §1.7, §4.9.
    package mutating func commandEnded(_ outcome: CommandOutcome) -> PortAction? {
        switch (state, outcome) {
        case (.running, .closesSilently(let reason)), (.copying, .closesSilently(let reason)),
            (.copyEnded, .closesSilently(let reason)):
            return close(reason: reason)
        case (.running(let client, let queryProtocol, _), .failed(let error)):
            return fail(error, for: client, queryProtocol)
        case (.running(let client, let queryProtocol, let isAnswered), .succeeded):
            guard isAnswered else { return fail("the command has no answer", for: client, queryProtocol) }
            state = .ready(client)
            return queryProtocol == .simple ? .send([.readyForQuery]) : nil
        case (.copying, .failed(let error)), (.copyEnded(.done), .failed(let error)):
            return close(error, reason: error.message)
        case (.copying, .succeeded), (.copyEnded(.done), .succeeded):
            state = .closed
            return .close([.copyDone], reason: "end of the stream")
        case (.copyEnded(.failed(let text)), .succeeded), (.copyEnded(.failed(let text)), .failed):
            let error = ErrorResponse("received CopyFail", state: .successfulCompletion)
            return close(error, reason: "received CopyFail: \(text)")
        case (.copyEnded(.disconnected), .succeeded): return close(reason: "client left")
        case (.copyEnded(.disconnected), .failed(let error)): return close(reason: "client left; \(error.message)")
        case (.copyEnded(.violated(let text)), .succeeded), (.copyEnded(.violated(let text)), .failed):
            return close(reason: text)
        case (.startup, _), (.awaitingToken, _), (.verifyingToken, _), (.ready, _), (.skipping, _), (.closed, _):
            return nil
        }
    }
}

// MARK: - COPY

extension PortSession {
    /// A message of the client's part of the stream.
    ///
    /// What has no place there ends the connection without a word, as with the other safekeepers. Flush and Sync are
    /// passed over, as PostgreSQL does: a client of the extended protocol sends a Sync before it knows of the stream.
    mutating func nextOfCopy(in received: RawSpan) -> PortStep {
        let frame: FrontendFrame
        switch nextFrame(in: received, maximumSize: policy.maximumCopyFrame) {
        case .success(let next): frame = next
        case .failure(.needs(let count)): return .needs(count)
        case .failure(.violation(let text)): return .taken(received.byteCount, endCopy(.violated(text)))
        }
        if frame.tag == UInt8(ascii: "d") { return .taken(frame.size, .deliver(frame.bodyRange)) }
        do {
            switch try FrontendMessage(tag: frame.tag, body: received.extracting(frame.bodyRange)) {
            case .copyDone: return .taken(frame.size, endCopy(.done))
            case .copyFail(let reason): return .taken(frame.size, endCopy(.failed(reason)))
            case .terminate: return .taken(frame.size, endCopy(.disconnected))
            case .sync, .flush: return .taken(frame.size, nil)
            default:
                let text = "message '\(Self.name(of: frame.tag))' in COPY"
                return .taken(frame.size, endCopy(.violated(text)))
            }
        } catch {
            return .taken(frame.size, endCopy(.violated("\(error)")))
        }
    }

    private mutating func endCopy(_ end: CopyEnd) -> PortAction {
        state = .copyEnded(end)
        return .endCopy(end)
    }
}
