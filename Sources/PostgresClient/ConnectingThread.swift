internal import Glibc

/// The thread that makes one connection.
///
/// A thread of its own, since libpq looks up host names in its callers' time, and neither the cooperative pool nor
/// other connections may wait for that. Then the connection goes to its ``ConnectionLoop``; without one of others' this
/// thread is its loop, to the connection's end.
struct ConnectingThread: Sendable {
    let mailbox: Mailbox
    /// Who serves the connection once it is made; nil if this thread does.
    let loop: ConnectionLoop?
    let connectionString: String
    let parameters: [(name: String, value: String)]
    let timeout: Duration

    /// Starts the thread; gives an error if there can be none.
    func start() -> PostgresClientError? {
        DetachedThread.start { run() }
    }

    private func run() {
        guard let libpq = LibpqConnection(connectionString: connectionString, parameters: parameters) else {
            return mailbox.finish(.failed(.connectionFailed(message: "out of memory")))
        }
        if let error = connect(libpq) { return mailbox.finish(.failed(error)) }
        mailbox.finishConnecting(.success(libpq.serverVersion))
        let connection = ServedConnection(libpq, mailbox)
        if let loop { loop.adopt(connection) } else { ConnectionLoop.serve(connection) }
    }

    private func connect(_ libpq: borrowing LibpqConnection) -> PostgresClientError? {
        let deadline = ContinuousClock.now + timeout
        guard !libpq.isBad else { return .connectionFailed(message: libpq.message) }
        var events = Int16(POLLOUT)
        while true {
            guard !mailbox.isCloseWanted else { return .closed }
            var descriptors = [
                pollfd(fd: mailbox.wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: libpq.socket, events: events, revents: 0),
            ]
            let left = deadline - ContinuousClock.now
            guard left > .zero else { return .timeout(.connecting, timeout) }
            WakeUp.wait(for: &descriptors, left)
            if descriptors[0].revents != 0 { mailbox.wakeUp.clear() }
            if descriptors[1].revents == 0 { continue }
            switch libpq.connect() {
            case .reading: events = Int16(POLLIN)
            case .writing: events = Int16(POLLOUT)
            case .done: return nil
            case .failed(let message): return .connectionFailed(message: message)
            }
        }
    }
}
