/// Who holds others up, and for how long that is borne.
extension FanOut {
    /// The shortest time that is accounted for.
    private static let resolution: Duration = .milliseconds(1)

    /// Lets time pass.
    ///
    /// To be called every tenth of the grace period or so while ``isHoldingBack``, after ``sent(_:now:)``; all other events
    /// tell the time as well.
    package mutating func tick(now: Duration) -> [FanOutAction] {
        update(now)
        return settle()
    }

    /// Whether a reader stands still because of somebody, so that time matters.
    package var isHoldingBack: Bool {
        readers.contains { !$0.isReading || $0.senders.contains { $0.debt > .zero } }
    }

    /// Accounts for the time since the last event, and parts with those who have held others up for too long.
    mutating func update(_ now: Duration) {
        let elapsed = now - lastUpdate
        guard elapsed >= Self.resolution else { return }
        lastUpdate = now
        for index in readers.indices where !readers[index].isReading {
            guard readers[index].senders.contains(where: { $0.queuedMessages == 0 }) else { continue }
            for place in readers[index].senders.indices where !hasRoom(readers[index].senders[place]) {
                readers[index].senders[place].isWaitedFor = true
            }
            for other in readers.indices where waits(readers[index], for: readers[other]) {
                for place in readers[other].senders.indices { readers[other].senders[place].isWaitedFor = true }
            }
        }
        for index in readers.indices {
            for place in readers[index].senders.indices {
                readers[index].senders[place].pass(elapsed, grace: limits.grace)
            }
        }
        for reader in readers { expel(from: reader) }
    }

    /// Gives the senders that have used up their reader's patience a reader of their own, together.
    private mutating func expel(from reader: Reader) {
        let slow = reader.senders.filter { $0.isIndebted && !hasRoom($0) }
        guard !reader.isReading, !slow.isEmpty, slow.count < reader.senders.count else { return }
        guard let start = slow.map(\.position).min() else { return }
        readers[index(of: reader.id)].senders = reader.senders.filter { !$0.isIndebted || hasRoom($0) }
        let own = openReader(at: start)
        for sender in slow { move(sender, to: own) }
    }
}

extension FanOut.Sender {
    /// Lets time count against the sender, or in its favour.
    fileprivate mutating func pass(_ elapsed: Duration, grace: Duration) {
        if isWaitedFor {
            debt = min(debt + elapsed, grace)
            if debt == grace { isIndebted = true }
        } else if debt > .zero {
            debt = max(debt - elapsed, .zero)
            if debt <= grace / 2 { isIndebted = false }
        }
        isWaitedFor = false
    }
}
