internal import Synchronization

/// What reaches a receiver from outside of its thread: news, the order to stop, and what wakes it.
final class ReceiverGate: Sendable {
    private struct State {
        var isStopping = false
        /// The newest of each safekeeper; bounded, since safekeepers are announced from outside.
        var news: [SafekeeperNumber: SafekeeperNews] = [:]
        var isWoken = false
        var waiter: CheckedContinuation<Void, Never>?
        var connection: Task<Void, Never>?
        var status = ReceiverStatus()
    }

    /// How many safekeepers there may be news of at a time; more are dropped, and will be announced again.
    static let maximumNews = 1024

    private let state = Mutex(State())

    var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Begins to stop: nothing is given to the sink from here on, but for what was under way.
    func stop() {
        let connection = state.withLock { state in
            state.isStopping = true
            return state.connection
        }
        connection?.cancel()
        wake()
    }

    func announce(_ news: SafekeeperNews) {
        state.withLock { state in
            let number = news.safekeeper.number
            guard state.news[number] != nil || state.news.count < Self.maximumNews else { return }
            state.news[number] = news
        }
        wake()
    }

    func takeNews() -> [SafekeeperNews] {
        state.withLock { state in
            defer { state.news = [:] }
            return Array(state.news.values)
        }
    }

    /// Notes the task of the connection; it is cancelled at once if the receiver is stopping.
    func setConnection(_ task: Task<Void, Never>?) {
        let isStopping = state.withLock { state in
            state.connection = task
            return state.isStopping
        }
        if isStopping { task?.cancel() }
    }

    var status: ReceiverStatus {
        get { state.withLock { $0.status } }
        set { state.withLock { $0.status = newValue } }
    }

    /// Notes what has come over the connection; the rest of the status stays as it was published.
    func note(_ connection: ConnectionStatus, _ statistics: ReceiverStatistics) {
        state.withLock { state in
            state.status.connection = connection
            state.status.statistics = statistics
        }
    }

    // MARK: - Waking

    func wake() {
        let waiter = state.withLock { state in
            state.isWoken = state.waiter == nil
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Waits until it is woken or the time is there; one task only.
    nonisolated(nonsending) func wait(until deadline: Duration?) async {
        let timer = deadline.map { deadline in
            Task {
                await Moment.sleep(until: deadline)
                if !Task.isCancelled { self.wake() }
            }
        }
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.isWoken {
                    state.isWoken = false
                    return true
                }
                state.waiter = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
        timer?.cancel()
    }
}
