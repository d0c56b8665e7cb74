package import PostgresWAL
package import ShardIdentity

/// Which reader of a timeline's WAL serves which shard, and what each shard is to be sent: positions only, no bytes.
///
/// A reader decodes and interprets WAL once for all its senders. As a rule there is one. Others come and go:
///
/// - A sender that starts at or a little ahead of a reader joins it; one that starts behind gets a reader of its own.
///   No reader is ever moved back, so nobody reads again because of somebody else.
/// - A reader that is behind another one reads no further than to where that one stands. When the two stand at the same
///   record they become one. A reader waits for one that is a little behind it, so that they do meet.
/// - Senders that hold others up for longer than the grace period leave: they get a reader of their own, and come back
///   when that one meets the others.
///
/// Each sender has a position of its own, which only goes forward and which it takes from reader to reader: no record
/// is sent twice, none is left out, and each message begins where the one before ended.
///
/// Who holds others up: a reader stops while a sender's queue is full, and while it waits for another reader. If a
/// sender of it has nothing to send meanwhile, the time counts against those who are waited for; other time counts in
/// their favour. So senders with about the same speed stay together, however full their queues are, at the pace of the
/// slowest; one at less than half the speed of another leaves; and a stopped one costs the others the grace period.
///
/// ``beginChunk(_:)`` and ``endChunk(_:end:available:progress:now:)`` enclose a chunk's interpretation, with no other
/// event between. Time is measured from any fixed point. Everything is decided by the order of events: the same events
/// give the same actions.
///
/// Source: `replication-protocol.md` §5.
package struct FanOut: Sendable {
    package let limits: FanOutLimits
    package let segmentSize: WALSegmentSize
    /// In the order of their making.
    var readers: [Reader] = []
    /// The reader of each sender.
    var readerOfSender: [SenderID: ReaderID] = [:]
    var actions: [FanOutAction] = []
    var lastUpdate: Duration = .zero
    private var lastID: UInt64 = 0

    /// A timeline without senders.
    package init(limits: FanOutLimits = FanOutLimits(), segmentSize: WALSegmentSize = .standard) {
        self.limits = limits
        self.segmentSize = segmentSize
    }

    /// A connection's place.
    struct Sender: Sendable {
        let id: SenderID
        let shard: ShardIdentity
        /// It is done with the records whose next record starts here or before.
        var position: LSN
        /// Where the WAL of its next message begins.
        var rawStart: LSN
        /// The end of WAL that its last message told of.
        var streamed: LSN
        var queuedMessages = 0
        var queuedBytes = 0
        /// For how long it has held others up, less the time that it hasn't.
        var debt: Duration = .zero
        /// Whether its debt has reached the grace period, and is not yet paid back by half.
        var isIndebted = false
        /// Whether the time since the last event counts against it.
        var isWaitedFor = false
    }

    /// A way through the WAL.
    struct Reader: Sendable {
        let id: ReaderID
        /// Never empty.
        var senders: [Sender]
        /// Where the next record to be decoded starts, behind a page's header; a new sender may start here or behind.
        var position: LSN
        /// The end of the WAL that was read.
        var readEnd: LSN
        /// Whether WAL has been asked for that has not come.
        var isReading = false
        /// Whether it has found a record, so that its start was right.
        ///
        /// What a wrong one takes for a record may seem to go on for long, which nobody else should have to wait for.
        var isProven = false
        /// Set while the reader is on its own because another one failed here: up to where that is.
        var suspectUntil: LSN?
    }

    mutating func makeID() -> UInt64 {
        lastID += 1
        return lastID
    }
}

// MARK: - Coming and going

extension FanOut {
    /// Lets a sender in.
    ///
    /// - Parameters:
    ///   - shard: its shard; several senders may have the same one.
    ///   - start: where the first record that it wants starts; may be anywhere, also behind the end of the WAL.
    ///   - now: the time.
    /// - Returns: its name, and what to do.
    /// - Throws: ``FanOutError``; nothing has changed then.
    package mutating func attach(
        _ shard: ShardIdentity,
        at start: LSN,
        now: Duration
    ) throws(FanOutError) -> (SenderID, [FanOutAction]) {
        guard readerOfSender.count < limits.senders else { throw .tooManySenders(limit: limits.senders) }
        for reader in readers {
            let other = reader.senders.first {
                $0.shard.count == shard.count && $0.shard.stripeSize != shard.stripeSize
            }
            if let other { throw .stripeSize(requested: shard, attached: other.shard) }
        }
        guard WALStreamDecoder.canStart(at: start, segmentSize: segmentSize) else { throw .startPosition(start) }
        update(now)
        let id = SenderID(rawValue: makeID())
        let reader = readerToJoin(at: start) ?? openReader(at: start)
        readerOfSender[id] = reader
        readers[index(of: reader)].senders.append(
            Sender(id: id, shard: shard, position: start, rawStart: start, streamed: start)
        )
        return (id, settle())
    }

    /// Lets a sender go, if it hasn't gone.
    package mutating func detach(_ id: SenderID, now: Duration) -> [FanOutAction] {
        update(now)
        guard let reader = readerOfSender.removeValue(forKey: id) else { return settle() }
        let index = index(of: reader)
        readers[index].senders.removeAll { $0.id == id }
        if readers[index].senders.isEmpty { closeReader(at: index) }
        return settle()
    }

    /// The reader that is at `start` or a little before it, the closest one.
    private func readerToJoin(at start: LSN) -> ReaderID? {
        readers
            .filter { reader in
                guard let distance = recordStart(start).distance(from: reader.position) else { return false }
                return isSound(reader) && (distance == 0 || distance <= limits.reach && reader.isProven)
            }
            .max { $0.position < $1.position }?
            .id
    }

    mutating func openReader(at start: LSN, suspectUntil: LSN? = nil) -> ReaderID {
        let id = ReaderID(rawValue: makeID())
        readers.append(
            Reader(id: id, senders: [], position: recordStart(start), readEnd: start, suspectUntil: suspectUntil)
        )
        actions.append(.open(id, at: start))
        return id
    }

    /// Where a record that may start at `lsn` does start: behind the header, if a page does.
    ///
    /// Records end at a page's start but receivers ask for what is behind the header: both are the same place.
    func recordStart(_ lsn: LSN) -> LSN {
        guard lsn.pageOffset == 0 else { return lsn }
        let isLong = segmentSize.isSegmentStart(lsn)
        return lsn + UInt64(isLong ? WALPage.longHeaderSize : WALPage.shortHeaderSize)
    }

    mutating func closeReader(at index: Int) {
        actions.append(.close(readers[index].id))
        readers.remove(at: index)
    }

    /// The index of a reader that is there.
    func index(of id: ReaderID) -> Int {
        guard let index = readers.firstIndex(where: { $0.id == id }) else { preconditionFailure("no \(id)") }
        return index
    }
}

// MARK: - Status

extension FanOut {
    /// How a sender stands.
    package struct SenderStatus: Hashable, Sendable {
        package var shard: ShardIdentity
        package var reader: ReaderID
        /// Where the first record that it has not been given starts.
        package var position: LSN
        package var queuedMessages: Int
        package var queuedBytes: Int
    }

    /// How a sender stands; nil if it has gone.
    package func status(of id: SenderID) -> SenderStatus? {
        guard let reader = readerOfSender[id] else { return nil }
        return readers[index(of: reader)].senders.first { $0.id == id }.map { sender in
            SenderStatus(
                shard: sender.shard,
                reader: reader,
                position: sender.position,
                queuedMessages: sender.queuedMessages,
                queuedBytes: sender.queuedBytes
            )
        }
    }

    /// The number of senders.
    package var senderCount: Int { readerOfSender.count }

    /// The number of a reader's senders; zero if it was closed.
    package func senderCount(of id: ReaderID) -> Int {
        readers.first { $0.id == id }?.senders.count ?? 0
    }

    /// The number of readers.
    package var readerCount: Int { readers.count }

    /// The first position that some reader still has to read, or may have to read again; nil if there is none.
    package var oldestPosition: LSN? { readers.map(\.position).min() }
}
