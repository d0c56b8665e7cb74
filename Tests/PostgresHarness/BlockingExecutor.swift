internal import Dispatch

/// An executor for tasks that block, in a child process or a socket: it has threads of its own, as many as block.
///
/// Tests that start servers have it as their preference, since the threads that all other tasks share are as few as the
/// processors: two tests that block there would keep every connection and time limit of a test run from going on.
package final class BlockingExecutor: TaskExecutor {
    /// The one that all share.
    package static let shared = BlockingExecutor()

    private let queue = DispatchQueue(label: "blocking", attributes: .concurrent)

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
