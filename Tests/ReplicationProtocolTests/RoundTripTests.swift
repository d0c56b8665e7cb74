import InterpretedWAL
import PostgresWAL
import ReplicationProtocol
import TestFixtures
import Testing

/// What is written is read as the same.
@Suite struct RoundTripTests {
    static let rounds: UInt64 = 3_000

    @Test(arguments: ConsensusProtocolVersion.allCases)
    func consensusMessages(version: ConsensusProtocolVersion) throws {
        for seed in 0..<Self.rounds {
            var generator = SeededGenerator(seed: seed)
            let (message, wal) = try generator.proposerMessage(version)
            let bytes = encode(message, version, wal: wal)
            #expect(try proposerMessage(bytes, version) == message, "seed \(seed)")
            if case .append(let request) = message {
                #expect(Array(bytes[request.walRange(in: version)]) == wal, "seed \(seed)")
            }
            let answer = try generator.acceptorMessage(version)
            #expect(try acceptorMessage(encode(answer, version), version) == answer, "seed \(seed)")
        }
    }

    @Test func streamReplies() throws {
        for seed in 0..<Self.rounds {
            var generator = SeededGenerator(seed: seed)
            let reply = generator.streamReply()
            let bytes = encoded { reply.encode(into: &$0) }
            #expect(try WALStreamReply(decoding: bytes.span.bytes) == reply, "seed \(seed)")
        }
    }

    @Test func frames() throws {
        for seed in 0..<Self.rounds {
            var generator = SeededGenerator(seed: seed)
            let text = generator.text(upTo: 30)
            let bytes = encoded { FrontendMessage.query(text).encode(into: &$0) }
            let frame = try #require(try FrontendFrame.next(in: bytes.span.bytes, maximumSize: bytes.count))
            #expect(frame.size == bytes.count, "seed \(seed)")
            let body = Array(bytes[frame.bodyRange])
            #expect(try FrontendMessage(tag: frame.tag, body: body.span.bytes) == .query(text), "seed \(seed)")
        }
    }

    /// A buffer that is used again and grows in the middle of a frame keeps all of it.
    @Test func nestedFramesInAGrowingBuffer() throws {
        var buffer = OutputBuffer(minimumCapacity: 1)
        for size in [0, 1, 250, 10_000] {
            let payload = [UInt8](repeating: 7, count: size)
            let before = buffer.count
            buffer.appendCopyData { $0.append(payload) }
            let frame = Array(buffer.array[before...])
            #expect(frame.count == size + 5 && Array(frame[5...]) == payload)
            #expect(Array(frame[..<5]) == encoded { $0.appendCopyDataHeader(payloadSize: size) })
        }
    }
}
