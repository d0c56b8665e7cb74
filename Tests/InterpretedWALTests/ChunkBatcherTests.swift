import InterpretedWAL
import PostgresWAL
import ShardIdentity
import Testing

/// How records become messages, chunk by chunk.
///
/// Source: `replication-protocol.md` §5.3.
@Suite struct ChunkBatcherTests {
    private struct Refused: Error {}

    /// The messages that chunks of a stream of logical messages make for one shard: each as decoded.
    private func messages(
        payload: Int,
        chunkSize: Int,
        start: LSN,
        send: (Int) throws -> Void = { _ in }
    ) throws -> (batches: [InterpretedBatch], records: [(end: LSN, next: LSN)], chunks: Int) {
        var generator = try WALGenerator(
            LogicalMessageSource(payload: [UInt8](repeating: 7, count: payload)),
            version: .v16,
            startingAt: start
        )
        var bytes: [UInt8] = []
        var records: [(end: LSN, next: LSN)] = []
        for _ in 0..<20 {
            guard let element = generator.next() else { break }
            bytes += element.bytes
            records.append((element.end, element.next))
        }
        var decoder = try WALStreamDecoder(version: .v16, startingAt: start)
        var parsed = ParsedRecord(version: .v16)
        var batcher = ChunkBatcher(version: .v16, shards: [.unsharded], startingAt: start)
        var batches: [InterpretedBatch] = []
        var chunks = 0
        for offset in stride(from: 0, to: bytes.count, by: chunkSize) {
            var input = bytes.span.bytes.extracting(offset..<min(offset + chunkSize, bytes.count))
            while let record = try decoder.next(&input) {
                try parsed.parse(record)
                try batcher.add(record, parsed)
            }
            chunks += 1
            do {
                try batcher.endChunk { _, message, count in
                    try send(chunks)
                    let batch = try InterpretedBatch(protobuf: message)
                    #expect(batch.records.count == count)
                    batches.append(batch)
                }
            } catch is Refused {}
        }
        return (batches, records, chunks)
    }

    @Test("a chunk that completes no record makes no message, and the next one covers it")
    func longRecords() throws {
        // Each record takes several chunks.
        let (batches, records, chunks) = try messages(payload: 300_000, chunkSize: 1 << 17, start: LSN(0x200_0000))
        #expect(batches.count < chunks)
        #expect(batches.reduce(0) { $0 + $1.records.count } == records.count)
        #expect(batches.allSatisfy { !$0.records.isEmpty })
    }

    @Test("each message begins where the last record of the one before ended", arguments: [10, 1000, 200_000])
    func contiguity(payload: Int) throws {
        // On a page start, where the first record begins only behind the header.
        let start = LSN(0x200_0000)
        let (batches, records, _) = try messages(payload: payload, chunkSize: 1 << 13, start: start)
        #expect(batches.first?.rawWALStartLSN == start)
        #expect(batches.last?.nextRecordLSN == records.last?.next)
        for (batch, following) in zip(batches, batches.dropFirst()) {
            let last = records.first { $0.next == batch.nextRecordLSN }
            #expect(following.rawWALStartLSN == last?.end)
        }
    }

    @Test("a message that could not be sent is gone, and the next ones are whole")
    func sendThatThrows() throws {
        let start = LSN(0x200_0028)
        let (whole, _, _) = try messages(payload: 1000, chunkSize: 1 << 12, start: start)
        let (rest, _, _) = try messages(payload: 1000, chunkSize: 1 << 12, start: start) { chunk in
            if chunk == 2 { throw Refused() }
        }
        #expect(whole.count > 3)
        #expect(rest == Array(whole[..<1] + whole[2...]))
    }
}
