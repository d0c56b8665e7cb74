internal import Glibc
internal import Synchronization

/// A thread that serves connections, and runs the actor that uses them.
///
/// A message that comes in is then handled, and what is sent because of it leaves, without a change of threads. Made for
/// an actor whose work is small and never blocks:
///
/// ```
/// actor Relay {
///     private let loop: ConnectionLoop
///     nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
///     func start() { Task(executorPreference: loop) { await receive() } }
///     deinit { loop.stop() }
/// ```
///
/// Tasks that wait for messages need the preference as well: without it each message takes a detour over the shared
/// threads, where a continuation resumes before its actor has its turn. Names are looked up on other threads. Whoever
/// makes a loop stops it, or its thread stays.
public final class ConnectionLoop: SerialExecutor, TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        /// Connections that were made and are not served yet.
        var new: [ServedConnection] = []
        var alarm: Alarm?
        var isStopping = false
    }

    private struct Alarm {
        let time: ContinuousClock.Instant
        let action: @Sendable () -> Void
    }

    private let state = Mutex(State())
    private let wakeUp: WakeUp
    /// The thread's number, once it runs; 0 before.
    private let thread = Atomic<UInt>(0)

    /// A loop without a thread: that of whoever calls ``serve(_:)``.
    init(withoutThread _: Void) throws(PostgresClientError) {
        wakeUp = try WakeUp()
    }

    /// Starts the thread.
    /// - Throws: ``PostgresClientError/noThread(_:)`` or ``PostgresClientError/noDescriptor(_:)``.
    public convenience init() throws(PostgresClientError) {
        try self.init(withoutThread: ())
        if let error = DetachedThread.start({ self.run() }) { throw error }
    }

    /// Serves one connection on the caller's thread until it ends.
    func serve(_ connection: ServedConnection) {
        adopt(connection)
        stop()
        run()
    }

    /// Ends the thread once no connection is left, and no job.
    public func stop() {
        state.withLock { $0.isStopping = true }
        wake()
    }

    // MARK: - Jobs

    /// Has the thread run a job.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.jobs.append(job) }
        wake()
    }

    /// Traps unless it is called on the thread.
    public func checkIsolated() {
        precondition(isCurrent, "not on the thread of the connections")
    }

    /// Runs an action on the thread at some time, in the place of the one that was to be run before.
    ///
    /// Actors of this loop may assume in it that they are isolated.
    public func setAlarm(at time: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void) {
        state.withLock { $0.alarm = Alarm(time: time, action: action) }
        wake()
    }

    /// Forgets the alarm.
    public func clearAlarm() {
        state.withLock { $0.alarm = nil }
    }

    // MARK: - Connections

    /// Takes a connection over, until it ends.
    func adopt(_ connection: ServedConnection) {
        connection.mailbox.setLoop(self)
        state.withLock { $0.new.append(connection) }
        wake()
    }

    /// Whether this is the loop's thread, which looks before it waits.
    private var isCurrent: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

    /// Has the thread look at everything once more.
    func wake() {
        if !isCurrent { wakeUp.signal() }
    }

    // MARK: - The thread

    private func run() {
        thread.store(UInt(pthread_self()), ordering: .relaxed)
        var connections = ServedConnections()
        while true {
            // What a message brings about is done before others are waited for; not for ever, as an actor that always has
            // something to do must not keep connections from being served.
            var hasMore = true
            for _ in 0..<Self.roundsWithoutLooking where hasMore {
                let (jobs, new) = takeWork()
                connections.add(new)
                for job in jobs { run(job) }
                connections.serve()
                takeDueAlarm()?.action()
                hasMore = connections.areDue || state.withLock { !$0.jobs.isEmpty || !$0.new.isEmpty }
            }
            let (isOver, alarm) = state.withLock { state in
                (state.isStopping && state.jobs.isEmpty && state.new.isEmpty, state.alarm?.time)
            }
            if isOver, connections.isEmpty { return }
            connections.wait(wakeUp, until: hasMore ? .now : alarm)
        }
    }

    /// Rounds after which the sockets are looked at, even if there is more to do.
    private static let roundsWithoutLooking = 8

    private func takeWork() -> ([UnownedJob], [ServedConnection]) {
        state.withLock { state in
            defer { (state.jobs, state.new) = ([], []) }
            return (state.jobs, state.new)
        }
    }

    private func run(_ job: UnownedJob) {
        job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
    }

    private func takeDueAlarm() -> Alarm? {
        state.withLock { state in
            guard let alarm = state.alarm, alarm.time <= .now else { return nil }
            state.alarm = nil
            return alarm
        }
    }
}
