internal import InterpretedWAL
internal import NIOCore
internal import PostgresWAL
internal import ReplicationProtocol
internal import ShardIdentity
internal import Synchronization

extension WALSender {
    /// Sends interpreted WAL.
    ///
    /// Source: `replication-protocol.md` §4.3, §4.8, §5.5.
    func sendInterpreted(
        _ form: WireFormat,
        _ shard: ShardIdentity,
        _ key: WALSenders.Key,
        _ send: @escaping @Sendable ([ByteBuffer]) async throws -> Void
    ) async throws -> Ending {
        // What is not committed can't be shared with those who want nothing else.
        let fanOut =
            client.request.term == nil
            ? timeline.streaming.fanOut : WALFanOut(extent: extent, time: time, logger: logger, metrics: metrics)
        let (id, queue) = try await fanOut.attach(shard, at: client.request.start, of: timeline)
        let result = await withTaskGroup(of: Result<Ending, any Error>?.self) { group in
            let clock = IdleClock(due: time.now + Self.keepAliveInterval)
            group.addTask {
                await knock(at: queue, clock)
                return nil
            }
            group.addTask {
                do {
                    return .success(try await empty(queue, fanOut, form, key, clock, send))
                } catch {
                    return .failure(error)
                }
            }
            var result: Result<Ending, any Error>?
            while case nil = result, let next = await group.next() { result = next }
            group.cancelAll()
            return result
        }
        await fanOut.detach(id, of: timeline)
        guard let result else { preconditionFailure("a stream has ended without a result") }
        return try result.get()
    }

    /// Sends what is in the queue.
    private func empty(
        _ queue: ShardQueue,
        _ fanOut: WALFanOut,
        _ form: WireFormat,
        _ key: WALSenders.Key,
        _ clock: IdleClock,
        _ send: @Sendable ([ByteBuffer]) async throws -> Void
    ) async throws -> Ending {
        var encoder = try ShardMessageEncoder(form)
        var streaming = client.request.start
        while true {
            switch await queue.next() {
            case .messages(let messages):
                let payload = try encoder.encode(messages)
                clock.set(time.now + Self.keepAliveInterval)
                try await send([payload])
                if let last = messages.last?.positions {
                    streaming = last.streaming
                    senders.sent(key, upTo: last.next)
                }
                if queue.sent(messages) { await fanOut.takeDepartures(of: timeline) }
            case .idle:
                let commitLSN = timeline.watch.current.commitLSN
                if senders.isCaughtUp(key, commitLSN: commitLSN) { return caughtUp(at: streaming) }
                try await send([try keepAlive()])
            case .closed(let failure):
                try Task.checkCancellation()
                throw ShardStreamEnd(cause: failure)
            }
        }
    }

    /// Tells the writer each time when nothing has been sent for a while.
    private func knock(at queue: ShardQueue, _ clock: IdleClock) async {
        while true {
            let due = clock.due
            if time.now >= due {
                queue.knock()
                clock.set(time.now + Self.keepAliveInterval)
                continue
            }
            do throws(CancellationError) {
                try await time.sleep(until: due)
            } catch {
                return
            }
        }
    }
}

/// When a connection will have been silent for too long.
private final class IdleClock: Sendable {
    private let time: Mutex<Duration>

    init(due: Duration) {
        time = Mutex(due)
    }

    var due: Duration { time.withLock { $0 } }

    func set(_ due: Duration) {
        time.withLock { $0 = due }
    }
}

/// The end of a shard's stream because its WAL can't be read any further.
package struct ShardStreamEnd: Error, Hashable, Sendable, CustomStringConvertible {
    /// Why.
    package let cause: ShardStreamError?

    /// The text for the client.
    package var description: String {
        let cause = cause.map { ": \($0)" } ?? ""
        return "Interpreted WAL reader exited early\(cause)"
    }
}
