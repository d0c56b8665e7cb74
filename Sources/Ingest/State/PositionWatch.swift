public import PostgresWAL
private import Synchronization

/// The newest ``ShardPositions`` of a shard, for everybody who is not its owner.
public final class PositionWatch: Sendable {
    /// Why waiting for a position has ended without it.
    public enum WaitError: Error, Hashable, Sendable {
        /// The shard was closed.
        case closed
        /// More than ``PositionWatch/maximumWaiters`` wait already.
        case tooManyWaiters
    }

    /// How many may wait at the same time.
    public static let maximumWaiters = 65536

    private struct Waiter {
        let id: UInt64
        let target: LSN
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct Content {
        var positions: ShardPositions
        var waiters: [Waiter] = []
        var nextID: UInt64 = 0
        var isClosed = false
    }

    private let content: Mutex<Content>

    init(_ positions: ShardPositions) {
        content = Mutex(Content(positions: positions))
    }

    /// The positions now.
    public var positions: ShardPositions {
        content.withLock { $0.positions }
    }

    /// Whether somebody waits for WAL that has not been ingested.
    public var hasWaiters: Bool {
        content.withLock { !$0.waiters.isEmpty }
    }

    /// Waits until everything up to `lsn` can be read.
    ///
    /// - Throws: ``WaitError``, or `CancellationError` if the task is cancelled, and in no other case.
    public func wait(for lsn: LSN) async throws {
        let id = content.withLock { content in
            content.nextID += 1
            return content.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if let result = enqueue(Waiter(id: id, target: lsn, continuation: continuation)) {
                    continuation.resume(with: result)
                }
            }
        } onCancel: {
            let waiter = content.withLock { content in
                content.waiters.firstIndex { $0.id == id }.map { content.waiters.remove(at: $0) }
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Adds a waiter; gives how waiting has ended if it need not begin.
    private func enqueue(_ waiter: Waiter) -> Result<Void, any Error>? {
        content.withLock { content in
            if waiter.target <= content.positions.lastRecordLSN { return .success(()) }
            if content.isClosed { return .failure(WaitError.closed) }
            // Cancelling before this point has found nobody to wake.
            if Task.isCancelled { return .failure(CancellationError()) }
            if content.waiters.count >= PositionWatch.maximumWaiters { return .failure(WaitError.tooManyWaiters) }
            content.waiters.append(waiter)
            return nil
        }
    }

    func publish(_ positions: ShardPositions) {
        let ready = content.withLock { content in
            content.positions = positions
            guard !content.waiters.isEmpty else { return [Waiter]() }
            let ready = content.waiters.filter { $0.target <= positions.lastRecordLSN }
            content.waiters.removeAll { $0.target <= positions.lastRecordLSN }
            return ready
        }
        for waiter in ready { waiter.continuation.resume() }
    }

    /// Ends all waiting, now and later; positions can still be read.
    public func close() {
        let waiters = content.withLock { content in
            content.isClosed = true
            defer { content.waiters = [] }
            return content.waiters
        }
        for waiter in waiters { waiter.continuation.resume(throwing: WaitError.closed) }
    }
}
