import Glibc

/// A thread for work that blocks, which can be waited for.
package final class BlockingThread: @unchecked Sendable {
    // Written once, before anybody else has the instance.
    private var thread = pthread_t()

    /// Starts a thread; throws if the system has none.
    package init(_ body: @escaping @Sendable () -> Void) throws(ConnectionFailure) {
        let box = Unmanaged.passRetained(Work(body))
        let status = pthread_create(&thread, nil, runWork, box.toOpaque())
        guard status == 0 else {
            box.release()
            throw .system("pthread_create", status)
        }
    }

    /// Waits for its end; to be called once.
    package func join() {
        pthread_join(thread, nil)
    }
}

private final class Work {
    let body: () -> Void

    init(_ body: @escaping () -> Void) { self.body = body }
}

private func runWork(_ pointer: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let pointer else { return nil }
    Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().body()
    return nil
}

/// The time of a clock that all processes of the machine share.
package func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
