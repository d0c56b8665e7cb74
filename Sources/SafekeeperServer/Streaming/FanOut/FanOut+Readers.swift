internal import PostgresWAL

/// How readers meet, wait and go on.
extension FanOut {
    /// Brings the readers together and sets going what may; gives all that is to be done.
    mutating func settle() -> [FanOutAction] {
        while let (going, staying) = meeting() { join(going, to: staying) }
        for index in readers.indices where !readers[index].isReading && isFree(readers[index]) {
            readers[index].isReading = true
            let reader = readers[index]
            actions.append(.read(reader.id, from: reader.readEnd, limit: nextPosition(after: reader)))
        }
        defer { actions.removeAll() }
        return actions
    }

    /// Two readers that stand at the same record and may become one; the one with more senders stays.
    private func meeting() -> (going: ReaderID, staying: ReaderID)? {
        for (index, one) in readers.enumerated() {
            for other in readers[(index + 1)...] where one.position == other.position && isSound(one) && isSound(other)
            {
                return other.senders.count > one.senders.count ? (one.id, other.id) : (other.id, one.id)
            }
        }
        return nil
    }

    private mutating func join(_ going: ReaderID, to staying: ReaderID) {
        for sender in readers[index(of: going)].senders { move(sender, to: staying) }
        closeReader(at: index(of: going))
    }

    /// Where the closest reader ahead stands, as far as that lies behind what was read.
    private func nextPosition(after reader: Reader) -> LSN? {
        guard readers.count > 1 else { return nil }
        return readers.lazy.map(\.position).filter { $0 > reader.readEnd }.min()
    }

    /// Gives a sender to another reader, which is not ahead of it.
    mutating func move(_ sender: Sender, to reader: ReaderID) {
        let index = index(of: reader)
        let position = recordStart(sender.position)
        precondition(readers[index].position <= position, "\(reader) is ahead of \(sender.id)")
        readers[index].senders.append(sender)
        readerOfSender[sender.id] = reader
        actions.append(.move(sender.id, to: reader, at: sender.position))
    }

    /// Whether a reader may be joined: it gets on, and nothing is wrong with it.
    func isSound(_ reader: Reader) -> Bool {
        reader.suspectUntil == nil && reader.senders.allSatisfy { !$0.isIndebted && hasRoom($0) }
    }

    /// Whether a sender's queue takes another message.
    func hasRoom(_ sender: Sender) -> Bool {
        limits.hasRoom(beside: QueueLoad(messages: sender.queuedMessages, bytes: sender.queuedBytes))
    }

    /// Whether a reader may read on.
    private func isFree(_ reader: Reader) -> Bool {
        reader.senders.allSatisfy(hasRoom) && !readers.contains { waits(reader, for: $0) }
    }

    /// Whether a reader waits for another one: it is a little behind and gets on.
    func waits(_ reader: Reader, for other: Reader) -> Bool {
        guard let distance = reader.position.distance(from: other.position), distance > 0 else { return false }
        return distance <= limits.reach && reader.suspectUntil == nil && other.isProven && isSound(other)
    }
}
