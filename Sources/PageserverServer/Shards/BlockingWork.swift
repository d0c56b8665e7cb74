internal import Dispatch

/// Work that blocks, on threads of its own.
enum BlockingWork {
    /// Does the work on a queue, and suspends meanwhile.
    static func run<Value: Sendable, Failure: Error>(
        on queue: DispatchQueue,
        _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Value, Failure>, Never>) in
            queue.async {
                do throws(Failure) {
                    continuation.resume(returning: .success(try work()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }
}
