internal import CLinux
internal import Glibc

/// What wakes a thread that waits for sockets.
struct WakeUp: ~Copyable, Sendable {
    /// Becomes readable by ``signal()``.
    let descriptor: Int32

    /// - Throws: ``PostgresClientError/noDescriptor(_:)`` if the process or the system has no more.
    init() throws(PostgresClientError) {
        descriptor = linux_event_descriptor()
        guard descriptor >= 0 else { throw .noDescriptor(errno) }
    }

    deinit {
        close(descriptor)
    }

    func signal() {
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    func clear() {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
    }

    /// Waits until one of the descriptors is ready, a time has passed if one is given, or a signal has come.
    static func wait(for descriptors: inout [pollfd], _ time: Duration?) {
        let hour = Duration.seconds(3_600)
        let nanoseconds = time.map { min(max($0, .zero), hour) / .nanoseconds(1) } ?? -1
        _ = linux_poll(&descriptors, UInt64(descriptors.count), Int64(nanoseconds))
    }
}
