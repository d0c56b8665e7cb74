internal import NIOCore

/// Runs tasks on the thread of an event loop, where their connection is.
///
/// For tasks that do little at a time and never block: a message that comes in and its answer are then handled without a
/// change of threads for each step.
final class EventLoopTaskExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
