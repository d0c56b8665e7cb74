/// Who holds others up, and for how long that is borne.
extension FanOut {
    /// The shortest time that is accounted for.
    private static let resolution: Duration = .milliseconds(1)

    /// Lets time pass.
    ///
    /// To be called every tenth of the grace period or so while ``isHoldingBack``; all other events tell the time as well.
    package mutating func tick(now: Duration) -> [FanOutAction] {
        update(now)
        return settle()
    }

    /// Whether a reader stands still because of somebody, so that time matters.
    package var isHoldingBack: Bool { readers.contains { !$0.isReading } || senders.values.contains { $0.debt > .zero } }

    /// Accounts for the time since the last event, and parts with those who have held others up for too long.
    mutating func update(_ now: Duration) {
        let elapsed = now - lastUpdate
        guard elapsed >= Self.resolution else { return }
        lastUpdate = now
        for reader in readers where !reader.isReading {
            guard reader.senders.contains(where: { self[$0].queuedMessages == 0 }) else { continue }
            for id in reader.senders where !hasRoom(self[id]) { self[id].isWaitedFor = true }
            for follower in followers(of: reader) {
                for id in follower.senders { self[id].isWaitedFor = true }
            }
        }
        for reader in readers {
            for id in reader.senders { pass(elapsed, for: id) }
        }
        for reader in readers { expel(from: reader) }
    }

    private mutating func pass(_ elapsed: Duration, for id: SenderID) {
        var sender = self[id]
        if sender.isWaitedFor {
            sender.debt = min(sender.debt + elapsed, limits.grace)
            if sender.debt == limits.grace { sender.isIndebted = true }
        } else if sender.debt > .zero {
            sender.debt = max(sender.debt - elapsed, .zero)
            if sender.debt <= limits.grace / 2 { sender.isIndebted = false }
        }
        sender.isWaitedFor = false
        self[id] = sender
    }

    /// Gives the senders that have used up their reader's patience a reader of their own, together.
    private mutating func expel(from reader: Reader) {
        let slow = reader.senders.filter { self[$0].isIndebted && !hasRoom(self[$0]) }
        guard !reader.isReading, !slow.isEmpty, slow.count < reader.senders.count else { return }
        guard let start = slow.map({ self[$0].position }).min() else { return }
        readers[index(of: reader.id)].senders.removeAll(where: slow.contains)
        let own = openReader(at: start)
        for sender in slow { move(sender, to: own) }
    }
}
