import PostgresWAL
import SafekeeperServer
import ShardIdentity
import TestFixtures

/// One round of random events, all of it decided by a seed.
struct FanOutRound {
    /// What happened, to see that the round was worth it.
    struct Totals: Sendable {
        var moves = 0
        var messages = 0
        var emptyMessages = 0
        var failures = 0
        var readers = 0

        static func += (lhs: inout Totals, rhs: Totals) {
            lhs.moves += rhs.moves
            lhs.messages += rhs.messages
            lhs.emptyMessages += rhs.emptyMessages
            lhs.failures += rhs.failures
            lhs.readers += rhs.readers
        }
    }

    private var random: SeededGenerator
    private let stream: InterpretedStream
    /// The records that take part.
    private let range: Range<Int>
    /// The shards that take part: those of one layout or two.
    private let shards: [Int]
    private var harness: FanOutHarness
    /// Connections whose receivers have stopped for now.
    private var stopped: Set<SenderID> = []
    private(set) var totals = Totals()

    init(seed: UInt64, streams: [InterpretedStream], fault: FanOutHarness.Fault? = nil) throws {
        random = SeededGenerator(seed: seed)
        stream = streams[Int.random(in: streams.indices, using: &random)]
        let count = min(Int.random(in: 1...80, using: &random), stream.records.count - 1)
        let first = Int.random(in: 0...(stream.records.count - count), using: &random)
        range = first..<first + count
        var layouts: [[Int]] = []
        var index = 0
        for layout in try InterpretedStream.layouts() {
            layouts.append(layout.indices.map { $0 + index })
            index += layout.count
        }
        layouts.shuffle(using: &random)
        shards = layouts[..<(random.chance(1, in: 3) ? 2 : 1)].flatMap { $0 }
        let limits = FanOutLimits(
            queuedMessages: Int.random(in: 1...4, using: &random),
            queuedBytes: random.chance(1, in: 4) ? 1000 : 1 << 20,
            grace: .milliseconds(Int.random(in: 2...50, using: &random)),
            reach: [0, 4000, 60_000, 1 << 24][Int.random(in: 0...3, using: &random)]
        )
        harness = FanOutHarness(
            stream: stream,
            limits: limits,
            chunkSize: [300, 2000, 8192, WALChunk.maximumSize][Int.random(in: 0...3, using: &random)],
            available: stream.records[first].start
        )
        harness.fault = fault
        harness.faultRandom = SeededGenerator(seed: seed)
    }

    mutating func run() throws {
        for _ in 0..<Int.random(in: 20...200, using: &random) { try step() }
        try finish()
    }

    private mutating func step() throws {
        switch Int.random(in: 0..<20, using: &random) {
        case 0...1:
            try attach()
        case 2:
            if random.chance(1, in: 2), let connection = harness.connections.randomElement(using: &random) {
                try leave(connection)
            }
        case 3...4:
            let left = range.upperBound == 0 ? 0 : lastEnd.rawValue - harness.available.rawValue
            if left > 0 {
                let step = random.chance(1, in: 4) ? left : min(left, 30_000)
                harness.available += UInt64.random(in: 0...step, using: &random)
            }
        case 5:
            let isLong = random.chance(1, in: 10)
            try harness.pass(.milliseconds(isLong ? 100 : Int.random(in: 0...5, using: &random)))
        case 6:
            if let connection = harness.connections.randomElement(using: &random) {
                if stopped.remove(connection.id) == nil { stopped.insert(connection.id) }
            }
        case 7...12:
            if let connection = harness.connections.randomElement(using: &random), !stopped.contains(connection.id) {
                try harness.send(connection)
            }
        default:
            if let reader = harness.readyReaders.randomElement(using: &random) { try harness.read(reader) }
        }
        try removeFailed()
    }

    /// The end of the WAL that takes part.
    private var lastEnd: LSN { min(stream.records[range.upperBound - 1].next, stream.end) }

    private mutating func attach() throws {
        let shard = shards[Int.random(in: shards.indices, using: &random)]
        let record = stream.records[Int.random(in: range, using: &random)]
        // Where the record starts, or where the one before it ends: that may be in front of a page's header.
        let isFirst = record.start == stream.records[0].start
        var start = random.chance(1, in: 2) || isFirst ? record.start : previousNext(of: record)
        if random.chance(1, in: 40) {
            // Not where a record starts, but where one could.
            start = record.start + 8
            if WALStreamDecoder.canStart(at: start, segmentSize: stream.segmentSize) {
                try harness.attach(shard: shard, at: start, isBogus: true)
            }
            return
        }
        try harness.attach(shard: shard, at: start)
    }

    private func previousNext(of record: InterpretedStream.Record) -> LSN {
        let index = stream.firstRecord(behind: record.start)
        return index == 0 ? record.start : stream.records[index - 1].next
    }

    private mutating func leave(_ connection: FanOutHarness.Connection) throws {
        count(connection)
        try harness.detach(connection.id)
        // Some come back at once, from where they were.
        if random.chance(1, in: 2), !connection.isBogus {
            try harness.attach(shard: connection.checker.shard, at: connection.checker.position)
        }
    }

    private mutating func removeFailed() throws {
        for connection in harness.connections where connection.hasFailed {
            guard connection.isBogus else {
                throw StreamChecker.Violation("\(connection.id) from \(connection.checker.start) fails")
            }
            totals.failures += 1
            harness.remove(connection.id)
        }
    }

    /// Lets everything run to the end; nobody may be left behind.
    private mutating func finish() throws {
        harness.available = lastEnd
        var idle = 0
        while idle < 3 {
            var isIdle = true
            for reader in harness.readyReaders {
                if harness.readers[reader]?.request != nil {
                    try harness.read(reader)
                    isIdle = false
                }
            }
            for connection in harness.connections where !connection.queue.isEmpty {
                while try harness.send(connection) { isIdle = false }
            }
            try removeFailed()
            try harness.pass(.milliseconds(60))
            idle = isIdle ? idle + 1 : 0
        }
        for connection in harness.connections {
            count(connection)
            // With a start that is no record's, or beyond the end, there may be nothing to wait for.
            guard connection.checker.isComplete(upTo: harness.available) || connection.isBogus else {
                throw StreamChecker.Violation(
                    "\(connection.id) from \(connection.checker.start) is left behind at \(connection.checker.position), \(harness.available), \(harness.fanOut)"
                )
            }
        }
        totals.moves += harness.moves
        totals.readers += harness.opened
    }

    private mutating func count(_ connection: FanOutHarness.Connection) {
        totals.messages += connection.checker.messages
        if !connection.checker.mayRepeat { totals.emptyMessages += 1 }
    }
}
