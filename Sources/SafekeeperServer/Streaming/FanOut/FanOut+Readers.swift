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
        guard readers.count > 1 else { return nil }
        let sound = readers.filter(isSound).sorted { ($0.position, $0.id) < ($1.position, $1.id) }
        for (one, other) in zip(sound, sound.dropFirst()) where one.position == other.position {
            return other.senders.count > one.senders.count ? (one.id, other.id) : (other.id, one.id)
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
    mutating func move(_ sender: SenderID, to reader: ReaderID) {
        let index = index(of: reader)
        let position = recordStart(self[sender].position)
        precondition(readers[index].position <= position, "\(reader) is ahead of \(sender)")
        readers[index].senders.append(sender)
        self[sender].reader = reader
        actions.append(.move(sender, to: reader, at: self[sender].position))
    }

    /// Whether a reader may be joined: it gets on, and nothing is wrong with it.
    func isSound(_ reader: Reader) -> Bool {
        reader.suspectUntil == nil && reader.senders.allSatisfy { !self[$0].isIndebted && hasRoom(self[$0]) }
    }

    /// Whether a sender's queue takes another message.
    func hasRoom(_ sender: Sender) -> Bool {
        sender.queuedMessages < limits.queuedMessages && sender.queuedBytes < limits.queuedBytes
    }

    /// Whether a reader may read on.
    private func isFree(_ reader: Reader) -> Bool {
        reader.senders.allSatisfy { hasRoom(self[$0]) } && followers(of: reader).isEmpty
    }

    /// The readers that a reader waits for: those that are a little behind it and get on.
    func followers(of reader: Reader) -> [Reader] {
        guard readers.count > 1, reader.suspectUntil == nil else { return [] }
        return readers.filter { other in
            guard let distance = reader.position.distance(from: other.position) else { return false }
            return distance > 0 && distance <= limits.reach && other.isProven && isSound(other)
        }
    }
}
