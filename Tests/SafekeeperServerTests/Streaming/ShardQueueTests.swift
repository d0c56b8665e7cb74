import InterpretedWAL
import PostgresWAL
import SafekeeperServer
import Testing

/// The queue between a reader and a shard's connection.
@Suite("A shard's queue") struct ShardQueueTests {
    /// The message after `number` others of a hundred bytes of WAL each.
    private func message(_ number: UInt64, bytes: Int) -> ShardMessage {
        ShardMessage(
            positions: FanOutMessage(
                hasRecords: bytes > 0,
                next: LSN(1000 + 100 * (number + 1)),
                rawStart: LSN(1000 + 100 * number),
                streaming: LSN(1000 + 100 * (number + 1)),
                available: LSN(9000)
            ),
            records: [UInt8](repeating: UInt8(number), count: bytes),
            recordCount: bytes > 0 ? 1 : 0
        )
    }

    private func next(_ queue: ShardQueue) async -> [ShardMessage]? {
        guard case .messages(let messages) = await queue.next() else { return nil }
        return messages
    }

    @Test("Messages that wait leave together, up to a bound and in order")
    func joined() async throws {
        let queue = ShardQueue(FanOutLimits(queuedMessages: 100))
        let sizes = [50_000, 50_000, 31_072, 1, 200_000, 0, 0, 131_072, 131_073, 5]
        for (number, size) in sizes.enumerated() { _ = queue.push(message(UInt64(number), bytes: size)) }
        var taken: [[Int]] = []
        var starts: [LSN] = []
        for _ in 0..<6 {
            let messages = try #require(await next(queue))
            taken.append(messages.map(\.records.count))
            starts += messages.map(\.positions.rawStart)
        }
        #expect(taken == [[50_000, 50_000, 31_072], [1], [200_000], [0, 0, 131_072], [131_073], [5]])
        #expect(starts == (0..<10).map { LSN(UInt64(1000 + 100 * $0)) })
    }

    @Test("Joined messages are one message: from the first one's start to the last one's end")
    func contents() throws {
        let parts = [message(0, bytes: 0), message(1, bytes: 0), message(2, bytes: 0)]
        var output = OutputBuffer()
        parts.appendPlain(to: &output)
        let batch = try InterpretedBatch(protobuf: output.bytes)
        #expect(batch.rawWALStartLSN == LSN(1000) && batch.nextRecordLSN == LSN(1300) && batch.records.isEmpty)
    }

    @Test("The fan-out is told of what has left only while it takes the queue for full")
    func departures() async throws {
        let queue = ShardQueue(FanOutLimits(queuedMessages: 3))
        #expect(queue.takeDepartures() == nil)
        #expect(!queue.push(message(0, bytes: 10)))
        let first = try #require(await next(queue))
        #expect(!queue.sent(first), "it goes on anyway")
        #expect(!queue.push(message(1, bytes: 10)))
        #expect(queue.push(message(2, bytes: 10)), "full as far as it knows, while something has left")
        #expect(queue.takeDepartures() == QueueLoad(messages: 1, bytes: 10))
        #expect(queue.takeDepartures() == nil)
        #expect(!queue.push(message(3, bytes: 10)), "full, and nothing has left")
        let rest = try #require(await next(queue))
        #expect(rest.count == 3)
        #expect(queue.sent(rest), "it may be waiting")
        #expect(queue.takeDepartures() == QueueLoad(messages: 3, bytes: 30))
        #expect(!queue.push(message(4, bytes: 10)))
    }

    @Test("What was there before the end is still given out")
    func closing() async throws {
        let queue = ShardQueue(FanOutLimits())
        queue.knock()
        _ = queue.push(message(0, bytes: 1))
        queue.close(.read("gone"))
        #expect(await next(queue)?.count == 1)
        guard case .closed(.read("gone")?) = await queue.next() else {
            Issue.record("the queue is not closed")
            return
        }
    }
}
