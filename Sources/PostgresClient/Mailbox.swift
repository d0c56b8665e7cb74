internal import Synchronization

/// What a connection's users and its thread have in common.
///
/// The thread owns libpq's connection; everything goes through here. The thread is woken, unless it is the caller's own.
final class Mailbox: Sendable {
    /// A query, or a command that starts a COPY in both directions.
    struct Request: Sendable {
        let text: String
        let timeout: Duration?
        let startsCopy: Bool
        let answer: CheckedContinuation<Result<PostgresResult, PostgresClientError>, Never>
    }

    private struct State {
        var connecting: CheckedContinuation<Result<Int, PostgresClientError>, Never>?
        var request: Request?
        var outgoing = MessageQueue<[UInt8]>()
        var isOutgoingEnded = false
        var roomWaiters: [CheckedContinuation<Void, Never>] = []
        var incoming = MessageQueue<CopyData>()
        var receiver: CheckedContinuation<Void, Never>?
        /// How the connection, or the COPY on it, has ended: nil error for a proper end of COPY.
        var end: Ending?
        var isCloseWanted = false
    }

    /// How a connection has ended.
    enum Ending: Sendable {
        case copyDone
        case failed(PostgresClientError)

        var error: PostgresClientError? {
            if case .failed(let error) = self { error } else { nil }
        }
    }

    /// Messages that wait to be sent, in bytes, beyond which senders wait.
    static let outgoingLimit = 512 << 10
    /// Messages that wait to be taken, in bytes, beyond which nothing more is read from the socket.
    static let incomingLimit = 4 << 20

    private let state = Mutex(State())
    /// Whether there is something for the thread to look at.
    private let isDueNow = Atomic(false)
    /// Whose thread serves the connection; nil until it is made.
    private let loop = Mutex<ConnectionLoop?>(nil)
    /// Wakes the thread that connects.
    let wakeUp: WakeUp

    /// - Throws: ``PostgresClientError/noDescriptor(_:)``.
    init() throws(PostgresClientError) {
        wakeUp = try WakeUp()
    }

    private func wake() {
        markDue()
        if let loop = loop.withLock({ $0 }) { loop.wake() } else { wakeUp.signal() }
    }

    // MARK: - For users

    /// Waits until the thread has connected, which `begin` starts; gives the server's version.
    func connected(_ begin: () -> PostgresClientError?) async -> Result<Int, PostgresClientError> {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                // A task that is cancelled already doesn't even wait for a host name to be looked up.
                let end: Ending? = state.withLock { state in
                    if state.end == nil { state.connecting = continuation }
                    return state.end
                }
                if let end {
                    continuation.resume(returning: .failure(end.error ?? .closed))
                } else if let error = begin() {
                    finish(.failed(error))
                }
            }
        } onCancel: {
            close(because: .cancelled)
        }
    }

    /// Has the thread run a query, and waits for the answer.
    func run(
        _ text: String,
        timeout: Duration?,
        startsCopy: Bool
    ) async -> Result<PostgresResult, PostgresClientError> {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let request = Request(text: text, timeout: timeout, startsCopy: startsCopy, answer: continuation)
                let error: PostgresClientError? = state.withLock { state in
                    if let end = state.end { return end.error ?? .closed }
                    precondition(state.request == nil, "a second query before the first is answered")
                    state.request = request
                    return nil
                }
                if let error { continuation.resume(returning: .failure(error)) } else { wake() }
            }
        } onCancel: {
            close(because: .cancelled)
        }
    }

    /// Queues a message, after waiting for room.
    func send(_ bytes: [UInt8]) async throws(PostgresClientError) {
        await waitForRoom()
        let error: PostgresClientError? = state.withLock { state in
            if let end = state.end { return end.error ?? .closed }
            state.outgoing.append(bytes, byteCount: bytes.count)
            return nil
        }
        if let error { throw error }
        wake()
    }

    /// Queues a message if there is room for it now.
    func trySend(_ bytes: [UInt8]) throws(PostgresClientError) -> Bool {
        let (error, isQueued): (PostgresClientError?, Bool) = state.withLock { state in
            if let end = state.end { return (end.error ?? .closed, false) }
            guard state.outgoing.byteCount < Self.outgoingLimit else { return (nil, false) }
            state.outgoing.append(bytes, byteCount: bytes.count)
            return (nil, true)
        }
        if let error { throw error }
        if isQueued { wake() }
        return isQueued
    }

    private func waitForRoom() async {
        // As a rule there is room: then nothing is set up for a cancellation.
        guard !hasRoomToSend else { return }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mayGoOn = state.withLock { state in
                    guard state.end == nil, state.outgoing.byteCount >= Self.outgoingLimit else { return true }
                    state.roomWaiters.append(continuation)
                    return false
                }
                if mayGoOn { continuation.resume() }
            }
        } onCancel: {
            close(because: .cancelled)
        }
    }

    /// Whether a message could be queued now, or would fail now.
    var hasRoomToSend: Bool {
        state.withLock { $0.end != nil || $0.outgoing.byteCount < Self.outgoingLimit }
    }

    /// Ends the outgoing half of a COPY after what is queued.
    func endOutgoing() {
        state.withLock { $0.isOutgoingEnded = true }
        wake()
    }

    /// Waits for the next message; nil after the end of the COPY.
    func receive() async throws(PostgresClientError) -> CopyData? {
        while true {
            let next: Result<CopyData?, PostgresClientError>? = state.withLock { state in
                if let data = state.incoming.popFirst() { return .success(data) }
                switch state.end {
                case .failed(let error): return .failure(error)
                case .copyDone: return .success(nil)
                case nil: return nil
                }
            }
            if let next {
                // Only a full queue keeps the thread from reading.
                if hasJustMadeRoom { wake() }
                return try next.get()
            }
            await waitForIncoming()
        }
    }

    private var hasJustMadeRoom: Bool {
        state.withLock { state in
            guard state.incoming.isReadingPaused, state.incoming.byteCount < Self.incomingLimit / 2 else {
                return false
            }
            state.incoming.isReadingPaused = false
            return true
        }
    }

    private func waitForIncoming() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    guard state.incoming.isEmpty, state.end == nil else { return true }
                    precondition(state.receiver == nil, "a second receiver")
                    state.receiver = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            close(because: .cancelled)
        }
    }

    /// Ends the connection: everybody who waits gets the error, and what has come in and was not taken is dropped.
    func close(because error: PostgresClientError = .closed) {
        finish(.failed(error))
        state.withLock { state in
            state.isCloseWanted = true
            state.incoming = MessageQueue()
            state.outgoing = MessageQueue()
        }
        wake()
    }

    // MARK: - For the thread

    /// From now on a loop serves the connection.
    func setLoop(_ loop: ConnectionLoop) {
        self.loop.withLock { $0 = loop }
    }

    /// Has the thread look.
    func markDue() {
        isDueNow.store(true, ordering: .releasing)
    }

    /// Whether there is something to look at.
    var isDue: Bool { isDueNow.load(ordering: .acquiring) }

    /// Whether there is something to look at; then it is about to be.
    func takeDue() -> Bool { isDueNow.exchange(false, ordering: .acquiringAndReleasing) }

    var isCloseWanted: Bool { state.withLock { $0.isCloseWanted } }

    /// What those get who still wait when it is over.
    var endError: PostgresClientError { state.withLock { $0.end?.error } ?? .closed }

    func finishConnecting(_ result: Result<Int, PostgresClientError>) {
        let waiter = state.withLock { state in
            defer { state.connecting = nil }
            return state.connecting
        }
        waiter?.resume(returning: result)
    }

    func takeRequest() -> Request? {
        state.withLock { state in
            defer { state.request = nil }
            return state.request
        }
    }

    /// The next message to send; nil if there is none.
    func takeOutgoing() -> [UInt8]? {
        var waiters: [CheckedContinuation<Void, Never>] = []
        let bytes = state.withLock { state in
            let bytes = state.outgoing.popFirst()
            if state.outgoing.byteCount < Self.outgoingLimit { swap(&waiters, &state.roomWaiters) }
            return bytes
        }
        for waiter in waiters { waiter.resume() }
        return bytes
    }

    /// Whether the outgoing half is to be ended now.
    var isOutgoingEnded: Bool { state.withLock { $0.isOutgoingEnded && $0.outgoing.isEmpty } }

    /// Whether more messages may be taken in; if not, the thread is woken when they may.
    var hasRoom: Bool {
        state.withLock { state in
            state.incoming.isReadingPaused = state.incoming.byteCount >= Self.incomingLimit
            return !state.incoming.isReadingPaused
        }
    }

    func deliver(_ data: CopyData) {
        let receiver = state.withLock { state in
            if !state.isCloseWanted { state.incoming.append(data, byteCount: data.count) }
            defer { state.receiver = nil }
            return state.receiver
        }
        receiver?.resume()
    }

    /// Tells everybody who waits that it is over; only the first ending counts.
    func finish(_ ending: Ending) {
        let waiting = state.withLock { state in
            if state.end == nil { state.end = ending }
            defer {
                state.connecting = nil
                state.request = nil
                state.receiver = nil
                state.roomWaiters = []
            }
            return (state.connecting, state.request, state.receiver, state.roomWaiters, state.end?.error ?? .closed)
        }
        waiting.0?.resume(returning: .failure(waiting.4))
        waiting.1?.answer.resume(returning: .failure(waiting.4))
        waiting.2?.resume()
        for waiter in waiting.3 { waiter.resume() }
    }
}

/// Messages in order, with their bytes counted.
struct MessageQueue<Message: Sendable>: Sendable {
    private var messages: [Message?] = []
    private var first = 0
    private var sizes: [Int] = []
    private(set) var byteCount = 0
    /// Whether the one who fills it has stopped because of its size.
    var isReadingPaused = false

    var isEmpty: Bool { first == messages.count }

    mutating func append(_ message: Message, byteCount count: Int) {
        messages.append(message)
        sizes.append(count)
        byteCount += count
    }

    mutating func popFirst() -> Message? {
        guard !isEmpty else { return nil }
        defer {
            messages[first] = nil
            byteCount -= sizes[first]
            first += 1
            // What has been taken is dropped once it is the larger part: each message is moved once on average.
            if first == messages.count || first > 64 && first * 2 > messages.count {
                messages.removeFirst(first)
                sizes.removeFirst(first)
                first = 0
            }
        }
        return messages[first]
    }
}
