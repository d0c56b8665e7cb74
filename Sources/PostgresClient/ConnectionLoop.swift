internal import CLinux
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
    private let wakeUp = WakeUp()
    /// The thread's number, once it runs; 0 before.
    private let thread = Atomic<UInt>(0)

    private init(_: Void) {}

    /// Starts the thread.
    /// - Throws: ``PostgresClientError/noThread(_:)``.
    public convenience init() throws(PostgresClientError) {
        self.init(())
        if let error = DetachedThread.start({ self.run([]) }) { throw error }
    }

    /// Serves one connection on the caller's thread until it ends.
    static func serve(_ connection: ServedConnection) {
        let loop = ConnectionLoop(())
        connection.mailbox.isServed(by: loop)
        loop.stop()
        loop.run([connection])
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
        connection.mailbox.isServed(by: self)
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

    private func run(_ first: [ServedConnection]) {
        thread.store(UInt(pthread_self()), ordering: .relaxed)
        var connections = ServedConnections()
        connections.add(first)
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

/// The connections of one thread.
struct ServedConnections {
    private var all: [(connection: ServedConnection, isReady: Bool)] = []
    private var descriptors: [pollfd] = []

    var isEmpty: Bool { all.isEmpty }

    /// Whether somebody's mailbox has something.
    var areDue: Bool { all.contains { $0.connection.mailbox.isDue } }

    mutating func add(_ new: [ServedConnection]) {
        for connection in new {
            // It may have been told something before.
            connection.mailbox.hasNews()
            all.append((connection, false))
        }
    }

    /// Does what is to be done on those whose socket is ready, or whose mailbox has something.
    mutating func serve() {
        for index in all.indices.reversed() {
            let (connection, isReady) = all[index]
            all[index].isReady = false
            let isOverdue = connection.deadline.map { $0 <= .now } ?? false
            guard connection.mailbox.takeDue() || isReady || isOverdue else { continue }
            if connection.mailbox.isCloseWanted {
                all.remove(at: index)
            } else if let ending = connection.serve(isReady: isReady) {
                connection.mailbox.finish(ending)
                all.remove(at: index)
            }
        }
    }

    /// Waits until there is something to serve, or the thread is woken, or a time has come.
    mutating func wait(_ wakeUp: borrowing WakeUp, until time: ContinuousClock.Instant?) {
        var end = time
        descriptors.removeAll(keepingCapacity: true)
        descriptors.append(pollfd(fd: wakeUp.descriptor, events: Int16(POLLIN), revents: 0))
        for (connection, _) in all {
            if let deadline = connection.deadline { end = min(end ?? deadline, deadline) }
            let (socket, events) = connection.interest
            // Without anything to wait for the socket is left out: an end of it would wake us for nothing.
            descriptors.append(pollfd(fd: events == 0 ? -1 : socket, events: events, revents: 0))
        }
        PostgresClient.wait(for: &descriptors, end.map { $0 - .now })
        if descriptors[0].revents != 0 { wakeUp.clear() }
        for index in all.indices where descriptors[index + 1].revents != 0 { all[index].isReady = true }
    }
}

/// What wakes a thread that waits for sockets.
struct WakeUp: ~Copyable, Sendable {
    /// Becomes readable by ``signal()``.
    let descriptor: Int32

    init() {
        descriptor = linux_event_descriptor()
        precondition(descriptor >= 0, "no event descriptor: error \(errno)")
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
}
