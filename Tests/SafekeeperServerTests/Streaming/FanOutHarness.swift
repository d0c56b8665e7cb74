import PostgresWAL
import SafekeeperServer
import ShardIdentity
import TestFixtures

/// A fan-out with readers over a stream in memory, senders with queues and a clock that is moved by hand.
struct FanOutHarness {
    /// What a faulty shell may do, to see that the checker notices.
    enum Fault: CaseIterable {
        case loseMessage, repeatMessage, chunkStartAsRawStart, loseEmptyRecords, openTooLate
        case emptyMessages, otherShard, loseRecordAtChunkStart, mergeMessages
    }

    /// A connection: its queue, and its receiver.
    final class Connection {
        let id: SenderID
        var queue: [ShardMessage] = []
        var checker: StreamChecker
        var hasFailed = false
        /// A start that is no record's: it may fail.
        let isBogus: Bool

        init(id: SenderID, checker: StreamChecker, isBogus: Bool) {
            self.id = id
            self.checker = checker
            self.isBogus = isBogus
        }
    }

    /// A reader: what it decodes with, and what it was asked for.
    final class Reader {
        var interpretation: ShardedInterpretation
        var request: (from: LSN, limit: LSN?)?

        init(_ interpretation: consuming ShardedInterpretation) { self.interpretation = interpretation }
    }

    let stream: InterpretedStream
    /// The most bytes of a chunk; small ones make records span many.
    let chunkSize: Int
    var fanOut: FanOut
    var now: Duration = .zero
    var available: LSN
    var readers: [ReaderID: Reader] = [:]
    var connections: [Connection] = []
    private var connectionOfSender: [SenderID: Connection] = [:]
    var fault: Fault?
    /// Out of how many chances a fault takes one.
    var faultRandom = SeededGenerator(seed: 0)
    private(set) var decodedBytes = 0
    private(set) var opened = 0
    private(set) var moves = 0

    init(stream: InterpretedStream, limits: FanOutLimits, chunkSize: Int, available: LSN? = nil) {
        self.stream = stream
        self.chunkSize = chunkSize
        self.available = available ?? stream.end
        fanOut = FanOut(limits: limits, segmentSize: stream.segmentSize)
    }

    private mutating func strikes(_ fault: Fault) -> Bool { self.fault == fault && faultRandom.chance(1, in: 3) }

    // MARK: Events

    @discardableResult
    mutating func attach(shard: Int, at start: LSN, isBogus: Bool = false) throws -> SenderID {
        let (id, actions) = try fanOut.attach(stream.shards[shard], at: start, now: now)
        let checker = StreamChecker(stream: stream, shard: shard, start: start)
        let connection = Connection(id: id, checker: checker, isBogus: isBogus)
        connections.append(connection)
        connectionOfSender[id] = connection
        try perform(actions)
        return id
    }

    mutating func detach(_ id: SenderID) throws {
        remove(id)
        try perform(fanOut.detach(id, now: now))
    }

    /// Forgets a connection that has failed or left.
    mutating func remove(_ id: SenderID) {
        connections.removeAll { $0.id == id }
        connectionOfSender[id] = nil
    }

    mutating func pass(_ time: Duration) throws {
        now += time
        try perform(fanOut.tick(now: now))
    }

    /// Sends the first message of a queue; gives false if there is none.
    @discardableResult
    mutating func send(_ connection: Connection) throws -> Bool {
        guard !connection.queue.isEmpty else { return false }
        let message = connection.queue.removeFirst()
        try connection.checker.receive(message, available: available)
        try perform(fanOut.sent(connection.id, bytes: message.records.count, now: now))
        return true
    }

    /// The readers for which there is WAL, in a fixed order.
    var readyReaders: [ReaderID] {
        readers.keys.sorted().filter { id in readers[id]?.request.map { $0.from < available } ?? false }
    }

    /// Lets a reader have a chunk.
    mutating func read(_ id: ReaderID) throws {
        guard let reader = readers[id], let request = reader.request else { return }
        var end = WALChunk.end(from: request.from, available: available, segmentSize: stream.segmentSize)
        end = min(end, request.from + UInt64(chunkSize), request.limit ?? end)
        reader.request = nil
        guard let seats = fanOut.beginChunk(id) else { throw StreamChecker.Violation("\(id) is closed") }
        decodedBytes += Int(end.rawValue - request.from.rawValue)
        let chunk = Array(stream.wal(from: request.from, to: end))
        let outcome = reader.interpretation.take(chunk.span.bytes, for: seats)
        // Of a chunk that is broken off, only what comes before has been looked at.
        let reached = outcome.failure == nil ? end : min(end, outcome.lastRecord?.next ?? request.from)
        let actions = fanOut.endChunk(id, end: reached, available: available, progress: outcome.progress, now: now)
        try perform(actions, outcome: outcome, seats: seats, chunkStart: request.from)
    }

    // MARK: Actions

    private mutating func perform(
        _ actions: [FanOutAction],
        outcome: ShardedInterpretation.Outcome? = nil,
        seats: [FanOutSeat] = [],
        chunkStart: LSN = .invalid
    ) throws {
        for action in actions {
            switch action {
            case .open(let id, let start):
                try open(id, at: start)
            case .read(let id, let from, let limit):
                guard let reader = readers[id], reader.request == nil else {
                    throw StreamChecker.Violation("\(id) is asked to read, but can't")
                }
                reader.request = (from, limit)
            case .close(let id):
                readers[id] = nil
            case .enqueue(let id, let positions):
                guard let outcome, let seat = seats.firstIndex(where: { $0.sender == id }) else {
                    throw StreamChecker.Violation("a message for \(id), which has no seat")
                }
                let message = ShardMessage(
                    positions: positions,
                    records: positions.hasRecords ? outcome.records[seat] : [],
                    recordCount: positions.hasRecords ? outcome.counts[seat] : 0
                )
                try enqueue(message, to: id, chunkStart: chunkStart)
            case .move(let id, _, _):
                moves += 1
                connectionOfSender[id]?.checker.mayRepeat = true
            case .fail(let id):
                connectionOfSender[id]?.hasFailed = true
            }
        }
    }

    private mutating func open(_ id: ReaderID, at start: LSN) throws {
        opened += 1
        var start = start
        let index = stream.firstRecord(behind: start)
        if strikes(.openTooLate), index < stream.records.count { start = stream.records[index].next }
        let interpretation = try ShardedInterpretation(
            version: stream.version,
            segmentSize: stream.segmentSize,
            startingAt: start
        )
        readers[id] = Reader(interpretation)
    }

    private mutating func enqueue(_ message: ShardMessage, to id: SenderID, chunkStart: LSN) throws {
        guard let connection = connectionOfSender[id] else {
            throw StreamChecker.Violation("a message for \(id), which has gone")
        }
        var messages = [message]
        plantFault(in: &messages, chunkStart: chunkStart, last: connection.queue.last)
        connection.queue += messages
        guard fault != nil || connection.queue.count <= fanOut.limits.queuedMessages else {
            throw StreamChecker.Violation("the queue of \(id) is too long")
        }
    }

    private mutating func plantFault(in messages: inout [ShardMessage], chunkStart: LSN, last: ShardMessage?) {
        guard let fault, faultRandom.chance(1, in: 3) else { return }
        switch fault {
        case .loseMessage: messages = []
        case .repeatMessage: messages.append(messages[0])
        case .chunkStartAsRawStart: messages[0].positions.rawStart = chunkStart
        case .loseEmptyRecords:
            // A record that holds nothing: an empty batch, its LSN and at most a transaction.
            if messages[0].recordCount > 1, messages[0].records.count < 64 { messages[0].records = [] }
        case .otherShard: messages[0].records = messages[0].records.reversed()
        case .emptyMessages:
            var empty = messages[0]
            empty.records = []
            empty.positions.rawStart = empty.positions.next
            messages.append(empty)
        case .loseRecordAtChunkStart:
            if let first = messages[0].records.firstFieldSize { messages[0].records.removeFirst(first) }
        case .mergeMessages:
            if let last { messages[0].records = last.records + messages[0].records }
        case .openTooLate: break
        }
    }
}

extension [UInt8] {
    /// The size of the protobuf field at the front, a length and as many bytes.
    fileprivate var firstFieldSize: Int? {
        guard count > 1 else { return nil }
        var length = 0
        var offset = 1
        var shift = 0
        while offset < count {
            let byte = self[offset]
            offset += 1
            length |= Int(byte & 0x7F) << shift
            shift += 7
            if byte & 0x80 == 0 { return offset + length }
        }
        return nil
    }
}
