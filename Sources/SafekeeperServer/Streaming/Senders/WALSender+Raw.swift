internal import CoreMetrics
internal import NIOCore
internal import PostgresWAL
internal import ReplicationProtocol

extension WALSender {
    /// Sends raw WAL.
    ///
    /// Source: `replication-protocol.md` §4.1, §4.2, §4.7, §4.8.
    func sendRaw(
        _ key: WALSenders.Key,
        _ send: @Sendable ([ByteBuffer]) async throws -> Void
    ) async throws -> Ending {
        let readers = metrics.ownReaders(of: client.applicationName)
        readers.increment()
        defer { readers.decrement() }
        let source = try await WALSource(timeline, extent: extent, from: client.request.start)
        var position = client.request.start
        while true {
            try Task.checkCancellation()
            let deadline = time.now + Self.keepAliveInterval
            guard let available = try await source.end(beyond: position, until: deadline) else {
                let commitLSN = timeline.watch.current.commitLSN
                if client.request.term == nil && senders.isCaughtUp(key, commitLSN: commitLSN) {
                    return caughtUp(at: position)
                }
                try await send([try keepAlive()])
                continue
            }
            let end = source.chunkEnd(from: position, available: available)
            let header = XLogDataHeader(start: position, walEnd: available, time: time.postgresTimestamp)
            var payload = ByteBuffer()
            payload.reserveCapacity(XLogDataHeader.size + Int(end.rawValue - position.rawValue))
            payload.writeImmutableBuffer(ByteBuffer { header.encode(into: &$0) })
            payload = try await source.append(from: position, to: end, to: payload)
            try await send([payload])
            position = end
            senders.sent(key, upTo: position)
        }
    }
}
