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
        do throws(PostgresClientError) {
            // Before it connects: afterwards it would be too late to have no descriptor.
            let own = try loop == nil ? ConnectionLoop(withoutThread: ()) : nil
            guard let libpq = LibpqConnection(connectionString: connectionString, parameters: parameters) else {
                throw .connectionFailed(message: "out of memory")
            }
            try connect(libpq)
            mailbox.finishConnecting(.success(libpq.serverVersion))
            let connection = ServedConnection(libpq, mailbox)
            loop?.adopt(connection)
            own?.serve(connection)
        } catch {
            mailbox.finish(.failed(error))
        }
    }

    private func connect(_ libpq: borrowing LibpqConnection) throws(PostgresClientError) {
        let deadline = ContinuousClock.now + timeout
        guard !libpq.isBad else { throw .connectionFailed(message: libpq.message) }
        var events = Int16(POLLOUT)
        while true {
            guard !mailbox.isCloseWanted else { throw .closed }
            var descriptors = [
                pollfd(fd: mailbox.wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: libpq.socket, events: events, revents: 0),
            ]
            let left = deadline - ContinuousClock.now
            guard left > .zero else { throw .timeout(.connecting, timeout) }
            WakeUp.wait(for: &descriptors, left)
            if descriptors[0].revents != 0 { mailbox.wakeUp.clear() }
            if descriptors[1].revents == 0 { continue }
            switch libpq.connect() {
            case .reading: events = Int16(POLLIN)
            case .writing: events = Int16(POLLOUT)
            case .done: return
            case .failed(let message): throw .connectionFailed(message: message)
            }
        }
    }
}
