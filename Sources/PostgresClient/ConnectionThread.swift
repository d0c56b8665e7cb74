internal import Glibc

/// The thread of one connection: it waits for the socket and for the mailbox, and is the only one to call libpq.
///
/// A thread of its own, since libpq looks up host names in its callers' time, and neither the cooperative pool nor an
/// event loop may wait for that.
final class ConnectionThread {
    private let mailbox: Mailbox
    private let connectionString: String
    private let parameters: [(name: String, value: String)]
    private let connectTimeout: Duration
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

    /// The stack of the thread: TLS libraries, Kerberos and name lookups are used on it.
    private static let stackSize = 1 << 20

    /// Messages sent before it is looked at what has come in.
    private static let messagesInTurn = 32

    private init(
        _ mailbox: Mailbox,
        _ connectionString: String,
        _ parameters: [(name: String, value: String)],
        _ timeout: Duration
    ) {
        self.mailbox = mailbox
        self.connectionString = connectionString
        self.parameters = parameters
        connectTimeout = timeout
    }

    /// Starts the thread; it ends with the connection.
    static func start(
        _ mailbox: Mailbox,
        connectionString: String,
        parameters: [(name: String, value: String)],
        timeout: Duration
    ) -> PostgresClientError? {
        let thread = ConnectionThread(mailbox, connectionString, parameters, timeout)
        let reference = Unmanaged.passRetained(thread)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackSize)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var id = pthread_t()
        let code = pthread_create(
            &id,
            &attributes,
            { context in
                guard let context else { return nil }
                Unmanaged<ConnectionThread>.fromOpaque(context).takeRetainedValue().run()
                return nil
            },
            reference.toOpaque()
        )
        guard code != 0 else { return nil }
        reference.release()
        return .noThread(code)
    }

    private func run() {
        guard let libpq = LibpqConnection(connectionString: connectionString, parameters: parameters) else {
            return mailbox.finish(.failed(.connectionFailed(message: "out of memory")))
        }
        if let error = connect(libpq) { return mailbox.finish(.failed(error)) }
        mailbox.finishConnecting(.success(libpq.serverVersion))
        while !mailbox.isCloseWanted {
            if let ending = serve(libpq) {
                mailbox.finish(ending)
                break
            }
        }
        if case .executing(let request, _, _) = mode { request.answer.resume(returning: .failure(mailbox.endError)) }
    }

    // MARK: - Connecting

    private func connect(_ libpq: borrowing LibpqConnection) -> PostgresClientError? {
        let deadline = ContinuousClock.now + connectTimeout
        guard !libpq.isBad else { return .connectionFailed(message: libpq.message) }
        var (reads, writes) = (false, true)
        while true {
            guard !mailbox.isCloseWanted else { return .closed }
            switch wait(for: libpq.socket, reads: reads, writes: writes, until: deadline) {
            case .timedOut: return .timeout(.connecting, connectTimeout)
            case .woken: continue
            case .ready: break
            }
            switch libpq.connect() {
            case .reading: (reads, writes) = (true, false)
            case .writing: (reads, writes) = (false, true)
            case .done: return nil
            case .failed(let message): return .connectionFailed(message: message)
            }
        }
    }

    // MARK: - Serving

    /// One round: sends, takes what has come, and waits.
    ///
    /// Gives how it ended, if it did.
    private func serve(_ libpq: borrowing LibpqConnection) -> Mailbox.Ending? {
        if let ending = send(libpq) ?? take(libpq) { return ending }
        var deadline: ContinuousClock.Instant?
        if case .executing(_, let limit, _) = mode { deadline = limit }
        // What libpq has read and nobody had room for is taken before more is read: another look at the room here would
        // wait for the socket with a message in hand.
        let reads = !isFull
        switch wait(for: libpq.socket, reads: reads, writes: isFlushDue || hasMoreToSend, until: deadline) {
        case .timedOut:
            guard case .executing(let request, _, _) = mode else { return nil }
            mode = .idle
            let error = PostgresClientError.timeout(.query, request.timeout ?? .zero)
            request.answer.resume(returning: .failure(error))
            return .failed(error)
        case .woken:
            return nil
        case .ready:
            guard reads, !libpq.consumeInput() else { return nil }
            // What came before the end is still to be had, and says more than the end itself.
            let message = libpq.message
            if let ending = take(libpq, isLast: true) { return ending }
            return fail(.connectionLost(message: message))
        }
    }

    private func send(_ libpq: borrowing LibpqConnection) -> Mailbox.Ending? {
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
            return sendCopy(libpq)
        }
        return flush(libpq)
    }

    /// Sends what the mailbox has, until the socket takes no more or it is the other direction's turn.
    private func sendCopy(_ libpq: borrowing LibpqConnection) -> Mailbox.Ending? {
        hasMoreToSend = false
        for _ in 0..<Self.messagesInTurn {
            if let ending = flush(libpq) { return ending }
            // libpq's own buffer takes a message only when it is empty: the queue with the bound is ours.
            guard !isFlushDue else { return nil }
            if let bytes = mailbox.takeOutgoing() {
                guard libpq.put(bytes) else { return lost(libpq) }
            } else if !hasPutEnd, mailbox.isOutgoingEnded {
                hasPutEnd = true
                guard libpq.putEnd() else { return lost(libpq) }
            } else {
                return nil
            }
            isFlushDue = true
        }
        hasMoreToSend = true
        return nil
    }

    private func flush(_ libpq: borrowing LibpqConnection) -> Mailbox.Ending? {
        guard isFlushDue else { return nil }
        guard let isLeft = libpq.flush() else { return lost(libpq) }
        isFlushDue = isLeft
        return nil
    }

    /// A write failed: the reason may have been sent to us before.
    private func lost(_ libpq: borrowing LibpqConnection) -> Mailbox.Ending? {
        let message = libpq.message
        _ = libpq.consumeInput()
        return take(libpq, isLast: true) ?? fail(.connectionLost(message: message))
    }

    /// Takes what libpq has read; with `isLast` all of it, whether there is room or not.
    private func take(_ libpq: borrowing LibpqConnection, isLast: Bool = false) -> Mailbox.Ending? {
        switch mode {
        case .idle:
            return nil
        case .executing:
            return takeAnswers(libpq)
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

    private func takeAnswers(_ libpq: borrowing LibpqConnection) -> Mailbox.Ending? {
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
                return take(libpq)
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

    // MARK: - Waiting

    private enum Woken { case ready, woken, timedOut }

    private func wait(
        for socket: Int32,
        reads: Bool,
        writes: Bool,
        until deadline: ContinuousClock.Instant?
    ) -> Woken {
        var events: Int16 = 0
        if reads { events |= Int16(POLLIN) }
        if writes { events |= Int16(POLLOUT) }
        // Without anything to wait for the socket is left out: an end of it would wake us for nothing.
        var descriptors = [
            pollfd(fd: mailbox.wakeDescriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: events == 0 ? -1 : socket, events: events, revents: 0),
        ]
        var timeout: Int32 = -1
        if let deadline {
            let left = deadline - ContinuousClock.now
            guard left > .zero else { return .timedOut }
            timeout = Int32(min(left / .milliseconds(1) + 1, 3_600_000))
        }
        guard poll(&descriptors, 2, timeout) > 0 else { return .woken }
        if descriptors[0].revents != 0 {
            var count: UInt64 = 0
            _ = read(mailbox.wakeDescriptor, &count, 8)
        }
        return descriptors[1].revents != 0 ? .ready : .woken
    }
}
