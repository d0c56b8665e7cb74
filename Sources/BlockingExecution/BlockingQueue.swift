internal import Dispatch

/// A serial executor whose jobs may block: they run one after the other on threads of their own, never on those that
/// tasks share.
///
/// An actor that owns files has one. It has a thread only while there is work.
package final class BlockingQueue: SerialExecutor {
    private let queue: DispatchQueue

    /// - Parameter label: a name for debuggers.
    package init(label: String) {
        queue = DispatchQueue(label: label)
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
