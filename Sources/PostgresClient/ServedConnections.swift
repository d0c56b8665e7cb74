internal import Glibc

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
            connection.mailbox.markDue()
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
        WakeUp.wait(for: &descriptors, end.map { $0 - .now })
        if descriptors[0].revents != 0 { wakeUp.clear() }
        for index in all.indices where descriptors[index + 1].revents != 0 { all[index].isReady = true }
    }
}
