internal import CLinux
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
        let version = libpq.serverVersion
        let connection = ServedConnection(libpq, mailbox)
        if let loop {
            loop.adopt(connection)
            mailbox.finishConnecting(.success(version))
        } else {
            mailbox.finishConnecting(.success(version))
            ConnectionLoop.serve(connection)
        }
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
            wait(for: &descriptors, left)
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

/// Waits until one of the descriptors is ready, a time has passed if one is given, or a signal has come.
func wait(for descriptors: inout [pollfd], _ time: Duration?) {
    let hour = Duration.seconds(3_600)
    let nanoseconds = time.map { min(max($0, .zero), hour) / .nanoseconds(1) } ?? -1
    _ = linux_poll(&descriptors, UInt64(descriptors.count), Int64(nanoseconds))
}

/// Threads that nobody waits for.
enum DetachedThread {
    /// The stack: TLS libraries, Kerberos and name lookups are used on it.
    private static let stackSize = 1 << 20

    /// Runs a function on a thread of its own.
    static func start(_ body: @escaping @Sendable () -> Void) -> PostgresClientError? {
        let reference = Unmanaged.passRetained(Body(run: body))
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
                Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
                return nil
            },
            reference.toOpaque()
        )
        guard code != 0 else { return nil }
        reference.release()
        return .noThread(code)
    }

    private final class Body: Sendable {
        let run: @Sendable () -> Void

        init(run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }
}
