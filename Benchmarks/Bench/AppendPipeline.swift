import CoreMetrics
import Dispatch
import InterpretedWAL
import Logging
import NIOCore
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity
import Synchronization

/// What a proposer sends to a new timeline, encoded: its election and a stream's append requests.
struct AppendPipeline: Sendable {
    private let messages: [ByteBuffer]
    private let end: LSN

    init(_ stream: WALMessages) throws {
        let id = AppendTarget.id
        let greeting = ProposerGreeting(
            tenant: id.tenant,
            timeline: id.timeline,
            serverVersionNumber: AppendTarget.server.versionNumber,
            systemID: AppendTarget.server.systemIdentifier,
            segmentSize: AppendTarget.server.segmentSize
        )
        var messages = [
            Self.encoded { greeting.encode(into: &$0, version: .v3) },
            Self.encoded { VoteRequest(generation: .invalid, term: AppendTarget.term).encode(into: &$0, version: .v3) },
        ]
        let elected = try AppendTarget.elected(at: stream.start)
        messages.append(Self.encoded { elected.encode(into: &$0, version: .v3) })
        var position = stream.start
        var ends: [Int] = []
        // All in one piece of memory, as plain writes have it: what lies in many pieces is read more slowly.
        var block = ByteBuffer()
        block.reserveCapacity(stream.bytes.count + stream.bytes.count / 16)
        for range in stream.requests {
            let request = AppendTarget.request(for: range, at: position, commit: .invalid)
            block.writeImmutableBuffer(
                Self.encoded { request.encode(into: &$0, version: .v3, wal: stream.bytes.span.bytes.extracting(range)) }
            )
            ends.append(block.writerIndex)
            position = request.end
        }
        for end in ends {
            guard let message = block.readSlice(length: end - block.readerIndex) else {
                preconditionFailure("a message isn't in the block")
            }
            messages.append(message)
        }
        self.messages = messages
        end = position
    }

    private static func encoded(_ encode: (inout OutputBuffer) -> Void) -> ByteBuffer {
        var output = OutputBuffer()
        encode(&output)
        return ByteBuffer(bytes: output.array)
    }

    /// Has a new safekeeper in a folder take the messages as they wait in a connection, and waits for its end.
    func run(in path: String, synced: Bool) throws {
        let isOver = DispatchSemaphore(value: 0)
        let failure = Mutex<(any Error)?>(nil)
        Task {
            do { try await flush(in: path, synced: synced) } catch { failure.withLock { $0 = error } }
            isOver.signal()
        }
        isOver.wait()
        if let error = failure.withLock({ $0 }) { throw error }
    }

    private func flush(in path: String, synced: Bool) async throws {
        let registry = TimelineRegistry(
            in: DataDirectory(path: path, of: PosixFileSystem()),
            settings: TimelineSettings(state: AppendTarget.settings(synced: synced)),
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() },
            metrics: SafekeeperMetrics(factory: NOOPMetricsHandler.instance)
        )
        let (untilDurable, isDurable) = AsyncStream.makeStream(of: Void.self)
        let connection = WALAcceptor.Connection(id: AppendTarget.id, version: .v3, number: 1)
        let acceptor = WALAcceptor(registry: registry, connection: connection, logger: registry.logger)
        let ending = try await acceptor.run(messages: Sequence(elements: messages, untilEnd: untilDurable)) { answers in
            for case .appendResponse(let response) in answers where response.flush == end { isDurable.finish() }
        }
        // Only after the answer that all is durable.
        precondition(ending == .finished, "the connection ended otherwise: \(ending)")
        await registry.shutDown()
    }

    /// Messages that have arrived, and a client that stays until it has its answer.
    private struct Sequence: AsyncSequence {
        let elements: [ByteBuffer]
        let untilEnd: AsyncStream<Void>

        func makeAsyncIterator() -> Iterator { Iterator(rest: elements.makeIterator(), untilEnd: untilEnd) }

        struct Iterator: AsyncIteratorProtocol {
            var rest: IndexingIterator<[ByteBuffer]>
            let untilEnd: AsyncStream<Void>

            mutating func next() async -> ByteBuffer? {
                if let message = rest.next() { return message }
                for await _ in untilEnd {}
                return nil
            }
        }
    }
}
