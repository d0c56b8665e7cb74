internal import Glibc

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
