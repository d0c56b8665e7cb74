internal import Glibc

/// A connection that is made, on the thread that serves it: messages between libpq and the mailbox.
///
/// It never waits: it says what it would wait for, and its ``ConnectionLoop`` does.
final class ServedConnection {
    let mailbox: Mailbox
    private let libpq: LibpqConnection
    private var mode = Mode.idle
    /// Whether libpq has bytes left to send.
    private var isFlushDue = false
    /// Whether the mailbox had no room for all that libpq has read; it wakes us when it has.
    private var isFull = false
    /// Whether sending has only been interrupted.
    private var hasMoreToSend = false
    /// Whether the end of our half of the COPY has been sent.
    private var hasPutEnd = false

    private typealias Answer = Result<PostgresResult, PostgresClientError>

    private enum Mode {
        case idle
        case executing(Mailbox.Request, deadline: ContinuousClock.Instant?, result: Answer?)
        case copying
    }

    /// Messages sent before it is looked at what has come in.
    private static let messagesInTurn = 32

    init(_ libpq: consuming LibpqConnection, _ mailbox: Mailbox) {
        self.libpq = libpq
        self.mailbox = mailbox
    }

    deinit {
        if case .executing(let request, _, _) = mode { request.answer.resume(returning: .failure(mailbox.endError)) }
    }

    // MARK: - What is waited for

    /// The socket, and the events for which it is waited there; none if it does not matter, and then not even its end does.
    var interest: (socket: Int32, events: Int16) {
        var events: Int16 = 0
        // What libpq has read and nobody had room for is taken before more is read: another look at the room here would
        // wait for the socket with a message in hand.
        if !isFull { events |= Int16(POLLIN) }
        if isFlushDue || hasMoreToSend { events |= Int16(POLLOUT) }
        return (libpq.socket, events)
    }

    /// Until when the answer has to be there that is waited for.
    var deadline: ContinuousClock.Instant? {
        if case .executing(_, let deadline, _) = mode { deadline } else { nil }
    }

    // MARK: - Serving

    /// One round: takes what has come, and sends.
    ///
    /// - Parameter isReady: whether the socket is.
    /// - Returns: how it ended, if it did.
    func serve(isReady: Bool) -> Mailbox.Ending? {
        if isReady, !isFull, !libpq.consumeInput() {
            // What came before the end is still to be had, and says more than the end itself.
            let message = libpq.message
            return take(isLast: true) ?? fail(.connectionLost(message: message))
        }
        if let ending = send() ?? take() { return ending }
        guard case .executing(let request, let deadline?, _) = mode, deadline <= .now else { return nil }
        mode = .idle
        let error = PostgresClientError.timeout(.query, request.timeout ?? .zero)
        request.answer.resume(returning: .failure(error))
        return .failed(error)
    }

    private func send() -> Mailbox.Ending? {
        switch mode {
        case .idle:
            guard let request = mailbox.takeRequest() else { break }
            let deadline = request.timeout.map { ContinuousClock.now + $0 }
            mode = .executing(request, deadline: deadline, result: nil)
            guard libpq.send(query: request.text) else { return fail(.connectionLost(message: libpq.message)) }
            isFlushDue = true
        case .executing:
            break
        case .copying:
            mailbox.takeRequest()?.answer.resume(returning: .failure(.unexpectedAnswer("a COPY is under way")))
            return sendCopy()
        }
        return flush()
    }

    /// Sends what the mailbox has, until the socket takes no more or it is the other direction's turn.
    private func sendCopy() -> Mailbox.Ending? {
        hasMoreToSend = false
        for _ in 0..<Self.messagesInTurn {
            if let ending = flush() { return ending }
            // libpq's own buffer takes a message only when it is empty: the queue with the bound is ours.
            guard !isFlushDue else { return nil }
            if let bytes = mailbox.takeOutgoing() {
                guard libpq.put(bytes) else { return lost() }
            } else if !hasPutEnd, mailbox.isOutgoingEnded {
                hasPutEnd = true
                guard libpq.putEnd() else { return lost() }
            } else {
                return nil
            }
            isFlushDue = true
        }
        hasMoreToSend = true
        return nil
    }

    private func flush() -> Mailbox.Ending? {
        guard isFlushDue else { return nil }
        guard let isLeft = libpq.flush() else { return lost() }
        isFlushDue = isLeft
        return nil
    }

    /// A write failed: the reason may have been sent to us before.
    private func lost() -> Mailbox.Ending? {
        let message = libpq.message
        _ = libpq.consumeInput()
        return take(isLast: true) ?? fail(.connectionLost(message: message))
    }

    /// Takes what libpq has read; with `isLast` all of it, whether there is room or not.
    private func take(isLast: Bool = false) -> Mailbox.Ending? {
        switch mode {
        case .idle:
            return nil
        case .executing:
            return takeAnswers()
        case .copying:
            while true {
                isFull = !isLast && !mailbox.hasRoom
                guard !isFull else { return nil }
                switch libpq.copied() {
                case .data(let data): mailbox.deliver(data)
                case .nothingYet: return nil
                case .failed(let message): return .failed(.connectionLost(message: message))
                case .ended:
                    guard !libpq.isBusy, case .failed(let error)? = libpq.nextAnswer() else { return .copyDone }
                    return .failed(error)
                }
            }
        }
    }

    private func takeAnswers() -> Mailbox.Ending? {
        while case .executing(let request, let deadline, let result) = mode, !libpq.isBusy {
            switch libpq.nextAnswer() {
            case .rows(let rows):
                mode = .executing(request, deadline: deadline, result: result ?? .success(rows))
            case .failed(let error):
                // The first one says why; another one that the connection is lost then.
                if case .failure? = result { continue }
                mode = .executing(request, deadline: deadline, result: .failure(error))
            case .copyBoth where request.startsCopy:
                mode = .copying
                request.answer.resume(returning: .success(PostgresResult()))
                // The first messages may have come along with the answer: the socket won't tell of them again.
                return take()
            case .copyBoth, .copyIn:
                return fail(.unexpectedAnswer("COPY"))
            case nil:
                mode = .idle
                var answer = result ?? .failure(.unexpectedAnswer("nothing"))
                if request.startsCopy, case .success(let rows) = answer {
                    answer = .failure(.unexpectedAnswer("\(rows.commandTag) instead of COPY"))
                }
                request.answer.resume(returning: answer)
            }
        }
        return nil
    }

    /// Ends everything with an error, the query that is under way as well.
    private func fail(_ error: PostgresClientError) -> Mailbox.Ending {
        if case .executing(let request, _, let result) = mode {
            mode = .idle
            if case .failure(let earlier)? = result {
                request.answer.resume(returning: .failure(earlier))
                return .failed(earlier)
            }
            request.answer.resume(returning: .failure(error))
        }
        return .failed(error)
    }
}

/// One thread uses it at a time: the one that connects hands it over once, to the one that serves.
extension ServedConnection: @unchecked Sendable {}
