import PostgresWAL
import SafekeeperServer
import ShardIdentity
import TestFixtures
import Testing

/// Who is served by which reader, and who waits for whom.
///
/// Source: `replication-protocol.md` §5, `pitfalls.md` part B, C2 to C5, D18.
@Suite("Fan-out") struct FanOutTests {
    /// 8 shards and a stream of 64 KiB chunks of small records.
    private static func stream(count: Int = 40_000) throws -> InterpretedStream {
        try .generated(
            seed: 7,
            start: LSN(0x100_0028),
            count: count,
            maximumLength: 100,
            switches: false,
            shards: try (0..<8).map { try ShardIdentity(number: $0, count: 8, stripeSize: 8) }
        )
    }

    /// Lets all readers read and all senders but the stopped ones send, until nothing more happens.
    private func run(
        _ harness: inout FanOutHarness,
        stopped: Set<SenderID> = [],
        tick: Duration = .milliseconds(2)
    ) throws {
        var isIdle = false
        while !isIdle {
            isIdle = true
            for reader in harness.readyReaders where harness.readers[reader]?.request != nil {
                try harness.read(reader)
                isIdle = false
            }
            for connection in harness.connections where !stopped.contains(connection.id) {
                while try harness.send(connection) { isIdle = false }
            }
            try harness.pass(tick)
        }
    }

    private func harness(_ stream: InterpretedStream, available: LSN? = nil) -> FanOutHarness {
        FanOutHarness(stream: stream, limits: FanOutLimits(), chunkSize: 8192, available: available)
    }

    // MARK: Sharing

    @Test("Shards that start near each other, in whatever order, are decoded for once")
    func commonReader() throws {
        let stream = try Self.stream()
        for first in [0, 4, 7] {
            var harness = harness(stream)
            try harness.attach(shard: first, at: stream.records[100 * first].start)
            // The first one is on its way when the others come.
            for reader in harness.readyReaders { try harness.read(reader) }
            for shard in 0..<8 where shard != first {
                try harness.attach(shard: shard, at: stream.records[100 * shard].start)
            }
            try run(&harness)
            #expect(harness.fanOut.readerCount == 1)
            #expect(harness.decodedBytes < stream.bytes.count * 11 / 10)
            #expect(harness.connections.allSatisfy { $0.checker.isComplete(upTo: stream.end) })
        }
    }

    @Test("One that starts far behind is no burden to the others, and comes back to them")
    func farBehind() throws {
        let stream = try Self.stream()
        var harness = FanOutHarness(
            stream: stream,
            limits: FanOutLimits(reach: 100_000),
            chunkSize: 8192,
            available: stream.records[30_000].next
        )
        for shard in 0..<7 { try harness.attach(shard: shard, at: stream.records[30_000].next) }
        let late = try harness.attach(shard: 7, at: stream.start)
        #expect(harness.fanOut.readerCount == 2)
        // The others get what is new at once, however long the late one takes.
        harness.available = stream.end
        let leader = try #require(harness.fanOut.status(of: harness.connections[0].id)?.reader)
        while harness.readyReaders.contains(leader) {
            try harness.read(leader)
            for connection in harness.connections where connection.id != late {
                while try harness.send(connection) {}
            }
        }
        #expect(harness.connections[..<7].allSatisfy { $0.checker.isComplete(upTo: stream.end) })
        #expect(harness.connections[7].checker.position == stream.start)
        try run(&harness)
        #expect(harness.connections[7].checker.isComplete(upTo: stream.end))
        #expect(harness.fanOut.readerCount == 1)
    }

    @Test("One that starts far ahead need not wait for the others")
    func farAhead() throws {
        let stream = try Self.stream()
        var harness = FanOutHarness(stream: stream, limits: FanOutLimits(reach: 100_000), chunkSize: 8192)
        let behind = try harness.attach(shard: 0, at: stream.start)
        let ahead = try harness.attach(shard: 1, at: stream.records[39_000].start)
        #expect(harness.fanOut.readerCount == 2)
        let reader = try #require(harness.fanOut.status(of: ahead)?.reader)
        try harness.read(reader)
        #expect(try harness.send(harness.connections[1]))
        #expect(harness.fanOut.status(of: behind)?.position == stream.start)
        try run(&harness)
        #expect(harness.fanOut.readerCount == 1)
    }

    @Test("A start beyond the end of the WAL waits, and gets what comes from there on")
    func beyondTheEnd() throws {
        let stream = try Self.stream()
        var harness = harness(stream, available: stream.records[100].next)
        try harness.attach(shard: 0, at: stream.records[50].start)
        try harness.attach(shard: 1, at: stream.records[500].start)
        try run(&harness)
        #expect(harness.connections[1].checker.messages == 0)
        harness.available = stream.end
        try run(&harness)
        #expect(harness.connections.allSatisfy { $0.checker.isComplete(upTo: stream.end) })
    }

    // MARK: Patience

    @Test("A stopped receiver costs the others the grace period and nothing more, and is served when it goes on")
    func stoppedReceiver() throws {
        let stream = try Self.stream()
        var harness = harness(stream)
        for shard in 0..<8 { try harness.attach(shard: shard, at: stream.start) }
        let stopped = harness.connections[3].id
        // Until the others have everything, no more than the grace period may pass.
        while !harness.connections.allSatisfy({ $0.id == stopped || $0.checker.isComplete(upTo: stream.end) }) {
            for reader in harness.readyReaders where harness.readers[reader]?.request != nil {
                try harness.read(reader)
            }
            for connection in harness.connections where connection.id != stopped {
                while try harness.send(connection) {}
            }
            if harness.fanOut.isHoldingBack && harness.readyReaders.isEmpty { try harness.pass(.milliseconds(2)) }
            try #require(harness.now <= harness.fanOut.limits.grace + .milliseconds(4))
        }
        #expect(harness.fanOut.readerCount == 2)
        #expect(harness.connections[3].queue.count == harness.fanOut.limits.queuedMessages)
        try run(&harness)
        #expect(harness.connections[3].checker.isComplete(upTo: stream.end))
        // Its debt is paid back after a while; then there is one reader again.
        try harness.pass(.seconds(1))
        #expect(harness.fanOut.readerCount == 1)
    }

    @Test("Receivers of about the same speed stay together, however full their queues are")
    func equallySlow() throws {
        let stream = try Self.stream()
        var harness = harness(stream)
        for shard in 0..<8 { try harness.attach(shard: shard, at: stream.start) }
        var random = SeededGenerator(seed: 3)
        while !harness.connections.allSatisfy({ $0.checker.isComplete(upTo: stream.end) }) {
            for reader in harness.readyReaders where harness.readers[reader]?.request != nil {
                try harness.read(reader)
            }
            for connection in harness.connections where random.chance(2, in: 3) { try harness.send(connection) }
            try harness.pass(.milliseconds(10))
            try #require(harness.fanOut.readerCount == 1)
        }
        #expect(harness.decodedBytes == stream.bytes.count)
    }

    @Test("Several slow receivers leave together and share one reader")
    func slowTogether() throws {
        let stream = try Self.stream()
        var harness = harness(stream)
        for shard in 0..<8 { try harness.attach(shard: shard, at: stream.start) }
        let slow = Set(harness.connections[..<4].map(\.id))
        var rounds = 0
        while !harness.connections.allSatisfy({ slow.contains($0.id) || $0.checker.isComplete(upTo: stream.end) }) {
            for reader in harness.readyReaders where harness.readers[reader]?.request != nil {
                try harness.read(reader)
            }
            for connection in harness.connections where !slow.contains(connection.id) || rounds % 20 == 0 {
                try harness.send(connection)
            }
            try harness.pass(.milliseconds(10))
            rounds += 1
            try #require(harness.fanOut.readerCount <= 2)
        }
        #expect(harness.fanOut.readerCount == 2)
        try run(&harness)
        #expect(harness.connections.allSatisfy { $0.checker.isComplete(upTo: stream.end) })
    }

    @Test("A shard that comes back again and again from a little behind makes nobody read again")
    func flapping() throws {
        let stream = try Self.stream()
        var harness = harness(stream, available: stream.start)
        for shard in 0..<7 { try harness.attach(shard: shard, at: stream.start) }
        var flapping = try harness.attach(shard: 7, at: stream.start)
        var readByItself = 0
        for step in stride(from: 2500, to: stream.records.count, by: 2500) {
            harness.available = stream.records[step].next
            try run(&harness)
            try harness.detach(flapping)
            let start = stream.records[step - 50].next
            // Besides what it asks for, it reads what the others are given meanwhile.
            readByItself += Int(harness.available.rawValue - start.rawValue) + 2 * harness.chunkSize
            flapping = try harness.attach(shard: 7, at: start)
        }
        harness.available = stream.end
        try run(&harness)
        #expect(harness.decodedBytes <= stream.bytes.count + readByItself)
        #expect(Double(harness.decodedBytes) / Double(stream.bytes.count) <= 1.2)
        #expect(harness.fanOut.readerCount == 1)
    }

    // MARK: Names and layouts

    @Test("A thousand connections of one shard, apart or overlapping, use up no names")
    func reconnects() throws {
        let stream = try Self.stream(count: 10)
        for isOverlapping in [false, true] {
            var harness = harness(stream, available: stream.start)
            var last: SenderID?
            var names: Set<SenderID> = []
            for _ in 0..<1000 {
                if !isOverlapping, let last { try harness.detach(last) }
                let id = try harness.attach(shard: 1, at: stream.start)
                #expect(names.insert(id).inserted)
                if isOverlapping, let last { try harness.detach(last) }
                last = id
            }
            #expect(harness.fanOut.senderCount == 1)
            #expect(harness.fanOut.readerCount == 1)
            harness.available = stream.end
            try run(&harness)
            #expect(harness.connections[0].checker.isComplete(upTo: stream.end))
        }
    }

    @Test("The number of senders is bounded")
    func tooMany() throws {
        var fanOut = FanOut(limits: FanOutLimits(senders: 3))
        for _ in 0..<3 { _ = try fanOut.attach(.unsharded, at: LSN(0x1000028), now: .zero) }
        #expect(throws: FanOutError.tooManySenders(limit: 3)) {
            try fanOut.attach(.unsharded, at: LSN(0x1000028), now: .zero)
        }
    }

    @Test("Shards of two counts are served at once, but of one count with one stripe size only")
    func layouts() throws {
        var fanOut = FanOut()
        let start = LSN(0x1000028)
        let shard = try ShardIdentity(number: 0, count: 2, stripeSize: 8)
        let (id, _) = try fanOut.attach(shard, at: start, now: .zero)
        _ = try fanOut.attach(try ShardIdentity(number: 3, count: 4, stripeSize: 16), at: start, now: .zero)
        let other = try ShardIdentity(number: 1, count: 2, stripeSize: 16)
        #expect(throws: FanOutError.stripeSize(requested: other, attached: shard)) {
            try fanOut.attach(other, at: start, now: .zero)
        }
        _ = fanOut.detach(id, now: .zero)
        _ = try fanOut.attach(other, at: start, now: .zero)
    }

    @Test("A start where no record can start is refused", arguments: [0x1000001, 0x1000008, 0x1002010, 0])
    func impossibleStart(position: UInt64) throws {
        var fanOut = FanOut()
        let start = LSN(position)
        if position == 0 {
            // Where the first segment would begin: a page's start.
            _ = try fanOut.attach(.unsharded, at: start, now: .zero)
        } else {
            #expect(throws: FanOutError.startPosition(start)) {
                try fanOut.attach(.unsharded, at: start, now: .zero)
            }
        }
    }

    // MARK: Positions

    @Test("The sheet's example: a sender ahead of the first record, and one that comes at the reader's position")
    func workedExample() throws {
        var fanOut = FanOut()
        let (a, first) = try fanOut.attach(.unsharded, at: LSN(0x1028), now: .zero)
        guard case .open(let reader, _) = first.first else { throw StreamChecker.Violation("no reader") }
        // Proven by a first record, so that others may start ahead.
        _ = fanOut.beginChunk(reader)
        _ = fanOut.endChunk(
            reader,
            end: LSN(0x1030),
            available: LSN(0x5000),
            progress: FanOutProgress(lastRecord: .init(end: LSN(0x1030), next: LSN(0x1030)), recordBytes: [9]),
            now: .zero
        )
        let (b, _) = try fanOut.attach(.unsharded, at: LSN(0x1FF8), now: .zero)
        #expect(fanOut.readerCount == 1)
        let actions = fanOut.endChunk(
            reader,
            end: LSN(0x3000),
            available: LSN(0x5000),
            progress: FanOutProgress(lastRecord: .init(end: LSN(0x1FF1), next: LSN(0x1FF8)), recordBytes: [20, 0]),
            now: .zero
        )
        #expect(
            actions.messages == [
                a: FanOutMessage(
                    hasRecords: true,
                    next: LSN(0x1FF8),
                    rawStart: LSN(0x1030),
                    streaming: LSN(0x3000),
                    available: LSN(0x5000)
                ),
                b: FanOutMessage(
                    hasRecords: false,
                    next: LSN(0x1FF8),
                    rawStart: LSN(0x1FF8),
                    streaming: LSN(0x3000),
                    available: LSN(0x5000)
                ),
            ]
        )
        let (c, _) = try fanOut.attach(.unsharded, at: LSN(0x1FF8), now: .zero)
        #expect(fanOut.readerCount == 1)
        let last = fanOut.endChunk(
            reader,
            end: LSN(0x4000),
            available: LSN(0x5000),
            progress: FanOutProgress(lastRecord: .init(end: LSN(0x3100), next: LSN(0x3100)), recordBytes: [5, 5, 5]),
            now: .zero
        )
        #expect(last.messages.mapValues(\.rawStart) == [a: LSN(0x1FF1), b: LSN(0x1FF8), c: LSN(0x1FF8)])
        #expect(last.messages.values.allSatisfy { $0.next == LSN(0x3100) && $0.streaming == LSN(0x4000) })
    }

    // MARK: Failures

    @Test("Broken WAL ends everybody's stream, after what came before it")
    func brokenWAL() throws {
        let stream = try Self.stream(count: 2000)
        var bytes = stream.bytes
        let broken = stream.records[1500]
        bytes[Int(broken.end.rawValue - stream.start.rawValue) - 1] ^= 1
        var fanOut = FanOut()
        let (id, actions) = try fanOut.attach(stream.shards[0], at: stream.start, now: .zero)
        guard case .open(let reader, _) = actions.first else { throw StreamChecker.Violation("no reader") }
        var interpretation = try ShardedInterpretation(
            version: stream.version,
            segmentSize: stream.segmentSize,
            startingAt: stream.start
        )
        let seats = try #require(fanOut.beginChunk(reader))
        let outcome = interpretation.take(bytes.span.bytes, for: seats)
        guard case .decode(let error) = outcome.failure else { throw StreamChecker.Violation("no failure") }
        #expect(error.recordStart == broken.start)
        let results = fanOut.endChunk(
            reader,
            end: broken.start,
            available: stream.end,
            progress: outcome.progress,
            now: .zero
        )
        #expect(results.messages[id]?.next == stream.records[1499].next)
        #expect(outcome.counts == [1500])
        #expect(results.contains(.fail(id)))
        #expect(fanOut.senderCount == 0 && fanOut.readerCount == 0)
    }

    @Test("Who has named a wrong start fails alone")
    func wrongStart() throws {
        let stream = try Self.stream(count: 2000)
        var harness = harness(stream, available: stream.start)
        let wrong = stream.records[3].start + 8
        let bogus = try harness.attach(shard: 0, at: wrong, isBogus: true)
        for shard in 1..<4 { try harness.attach(shard: shard, at: wrong, isBogus: true) }
        try harness.attach(shard: 4, at: stream.start)
        harness.available = stream.end
        try run(&harness)
        #expect(harness.connections.filter(\.hasFailed).count == 4)
        #expect(harness.connections[0].id == bogus)
        #expect(harness.connections[4].checker.isComplete(upTo: stream.end))
        #expect(harness.fanOut.senderCount == 1)
    }
}

extension [FanOutAction] {
    fileprivate var messages: [SenderID: FanOutMessage] {
        var messages: [SenderID: FanOutMessage] = [:]
        for case .enqueue(let sender, let message) in self { messages[sender] = message }
        return messages
    }
}
