import InterpretedWAL
import NIOCore
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity
import Synchronization

/// A receiver of WAL, without a network: it takes payloads, and may stop to.
final class TestReceiver: Sendable {
    private struct State {
        var payloads: [ByteBuffer] = []
        var isStopped = false
        var goesOn: [CheckedContinuation<Void, Never>] = []
        var arrival: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    private let replies: AsyncStream<ByteBuffer>.Continuation
    /// How the stream has ended.
    let ending: Task<Result<WALSender.Ending, any Error>, Never>

    init(
        _ timeline: Timeline,
        _ log: LogBook,
        from start: LSN,
        as receiver: SafekeeperStartupOptions.Receiver = .vanilla,
        name: String? = "pageserver-1",
        term: Term? = nil
    ) {
        let (messages, replies) = AsyncStream.makeStream(of: ByteBuffer.self)
        self.replies = replies
        let sender = WALSender(
            of: timeline,
            to: WALSender.Client(
                connection: 5,
                address: "127.0.0.1:1",
                applicationName: name,
                receiver: receiver,
                request: StartReplication(start: start, term: term)
            ),
            logger: log.logger
        )
        let box = Box()
        ending = Task {
            do {
                let result = try await timeline.withUse {
                    try await sender.run(messages: messages) { payloads in await box.receiver?.take(payloads) }
                }
                return .success(result)
            } catch {
                return .failure(error)
            }
        }
        box.set(self)
    }

    /// The receiver, which the task that serves it is made before.
    private final class Box: Sendable {
        private struct Weak: @unchecked Sendable { weak var receiver: TestReceiver? }
        private let content = Mutex(Weak())
        private let isSet = Mutex(false)

        var receiver: TestReceiver? {
            get async {
                while !isSet.withLock({ $0 }) { await Task.yield() }
                return content.withLock { $0.receiver }
            }
        }

        func set(_ receiver: TestReceiver) {
            content.withLock { $0.receiver = receiver }
            isSet.withLock { $0 = true }
        }
    }

    private func take(_ payloads: [ByteBuffer]) async {
        await withCheckedContinuation { continuation in
            let (goOn, arrival) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
                state.payloads += payloads
                if state.isStopped { state.goesOn.append(continuation) }
                defer { state.arrival = nil }
                return (!state.isStopped, state.arrival)
            }
            arrival?.resume()
            if goOn { continuation.resume() }
        }
    }

    /// Takes nothing any more.
    func stop() { state.withLock { $0.isStopped = true } }

    /// Takes everything again.
    func goOn() {
        let waiting = state.withLock { state in
            state.isStopped = false
            defer { state.goesOn = [] }
            return state.goesOn
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Whether there is nothing to take.
    var isEmpty: Bool { state.withLock { $0.payloads.isEmpty } }

    func reply(_ reply: WALStreamReply) {
        var output = OutputBuffer()
        reply.encode(into: &output)
        replies.yield(ByteBuffer(bytes: output.array))
    }

    func reply(raw bytes: [UInt8]) { replies.yield(ByteBuffer(bytes: bytes)) }

    /// Says that it ends, and gives how the stream has ended.
    @discardableResult
    func leave() async -> Result<WALSender.Ending, any Error> {
        replies.finish()
        goOn()
        return await ending.value
    }

    /// Waits for the next payload.
    func next() async -> ByteBuffer {
        while true {
            let payload = state.withLock { $0.payloads.isEmpty ? nil : $0.payloads.removeFirst() }
            if let payload { return payload }
            await withCheckedContinuation { continuation in
                let isThere = state.withLock { state in
                    if state.payloads.isEmpty { state.arrival = continuation }
                    return !state.payloads.isEmpty
                }
                if isThere { continuation.resume() }
            }
        }
    }

    /// Waits for the next message, and what is behind its header.
    func nextMessage() async throws -> (WALStreamMessage, [UInt8]) {
        let payload = await next()
        let message = try WALStreamMessage(decoding: payload.readableBytesSpan)
        return (
            message,
            Array(payload.readableBytesView.dropFirst(message.payloadRange(in: payload.readableBytes).lowerBound))
        )
    }

    /// Takes raw WAL until there is all up to a position; signs of life are passed over.
    func wal(from start: LSN, to end: LSN) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while start + UInt64(bytes.count) < end {
            guard case (.xLogData(let header), let wal) = try await nextMessage() else { continue }
            let position = start + UInt64(bytes.count)
            let isWhole = header.start == position && wal.count <= WALChunk.maximumSize && header.walEnd >= position
            guard isWhole else { throw StreamChecker.Violation("WAL at \(header.start), not at \(position)") }
            bytes += wal
        }
        return bytes
    }

    /// Takes interpreted WAL until a checker has all up to a position.
    func receive(into checker: inout StreamChecker, form: WireFormat, upTo end: LSN) async throws {
        while !checker.isComplete(upTo: end) {
            let (message, body) = try await nextMessage()
            guard case .interpretedRecords(let header) = message else { continue }
            try checker.receive(ShardMessage(header, body, form), available: end)
            reply(.pageserverFeedback(PageserverFeedback(lastReceived: header.streaming)))
        }
    }
}

extension ShardMessage {
    /// Takes a message apart that was received.
    init(_ header: InterpretedRecordsHeader, _ body: [UInt8], _ form: WireFormat) throws {
        var plain = OutputBuffer()
        switch form.compression {
        case nil: plain.append(body)
        case .zstd:
            var decompressor = try ZstdDecompressor()
            try decompressor.decompress(body.span.bytes, into: &plain)
        }
        if form.format == .bincode {
            let batch = try InterpretedBatch(bincode: plain.bytes)
            plain.removeAll()
            batch.encodeProtobuf(into: &plain)
        }
        let batch = try InterpretedBatch(protobuf: plain.bytes)
        guard let rawStart = batch.rawWALStartLSN else { throw StreamChecker.Violation("a message without its start") }
        let next = batch.nextRecordLSN
        var end = OutputBuffer()
        end.appendBatchEnd(nextRecordLSN: next, rawWALStartLSN: rawStart)
        let records = Array(plain.array.dropLast(end.count))
        self.init(
            positions: FanOutMessage(
                hasRecords: !batch.records.isEmpty,
                next: next,
                rawStart: rawStart,
                streaming: header.streaming,
                available: header.commit
            ),
            records: records,
            recordCount: batch.records.count
        )
    }
}
