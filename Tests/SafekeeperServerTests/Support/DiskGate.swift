import Dispatch
import SafekeeperServer
import StorageSimulation
import Synchronization
import Testing

/// Holds up writes and flushes of WAL for as long as a test wants.
final class DiskGate: Sendable {
    private struct State {
        var isClosed = false
        var waiting: [DispatchSemaphore] = []
    }

    private let state = Mutex(State())

    init(_ files: InterceptedFileSystem) {
        files.intercept { [self] operation, path throws(StorageError) in
            if [.write, .synchronize].contains(operation) && path.hasSuffix(".partial") { pass() }
        }
    }

    private func pass() {
        let semaphore = state.withLock { state -> DispatchSemaphore? in
            guard state.isClosed else { return nil }
            let semaphore = DispatchSemaphore(value: 0)
            state.waiting.append(semaphore)
            return semaphore
        }
        semaphore?.wait()
    }

    func close() {
        state.withLock { $0.isClosed = true }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isClosed = false
            defer { state.waiting = [] }
            return state.waiting
        }
        for semaphore in waiting { semaphore.signal() }
    }

    func untilSomebodyWaits() async throws {
        try await eventually("somebody waits for the disk") { state.withLock { !$0.waiting.isEmpty } }
    }
}
