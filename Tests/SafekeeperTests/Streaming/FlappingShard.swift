import Glibc
import PostgresWAL
import SafekeeperHarness
import ShardIdentity
import Synchronization

/// A shard that leaves again and again and comes back at once from where it was.
final class FlappingShard: Sendable {
    private struct State {
        var connections = 0
        var failure: String?
    }

    /// How much WAL each of its connections brings.
    private let distance: UInt64
    private let request: ShardClient.Request
    private let end: LSN
    private let expected: String
    private let state = Mutex(State())

    init(_ timeline: StreamedTimeline, shard: UInt8) throws {
        request = ShardClient.Request(
            port: timeline.safekeeper.port,
            tenant: StreamedTimeline.tenant,
            timeline: StreamedTimeline.timeline,
            shard: try ShardIdentity(
                number: shard,
                count: UInt8(timeline.expected.count),
                stripeSize: StreamedTimeline.stripeSize
            ),
            start: timeline.wal.start
        )
        end = timeline.wal.end
        distance = UInt64(timeline.wal.bytes.count) / 12
        expected = timeline.expected[Int(shard)]
    }

    /// How often it has come, and what went wrong.
    var outcome: (connections: Int, failure: String?) { state.withLock { ($0.connections, $0.failure) } }

    func waitUntilAttached() throws {
        while outcome.connections == 0 {
            if let failure = outcome.failure { throw SafekeeperFailure(message: failure) }
            usleep(1_000)
        }
    }

    func run() {
        do {
            try receive()
        } catch {
            state.withLock { $0.failure = "\(error)" }
        }
    }

    private func receive() throws {
        var request = request
        var digest = ShardDigest()
        while request.start < end {
            let client = try ShardClient(request, digest: digest)
            try client.receive()
            state.withLock { $0.connections += 1 }
            try client.receive(upTo: min(end, request.start + distance))
            digest = client.digest
            request.start = Self.restart(after: client.lastRecord)
        }
        guard digest.description == expected else {
            throw SafekeeperFailure(message: "a flapping shard has \(digest), not \(expected)")
        }
    }

    /// Where a pageserver that has everything up to a record's end asks to begin.
    ///
    /// Source: `replication-protocol.md` §6.1.
    private static func restart(after lsn: LSN) -> LSN {
        guard lsn.pageOffset == 0 else { return lsn }
        let isLong = WALSegmentSize.standard.isSegmentStart(lsn)
        return lsn + UInt64(isLong ? WALPage.longHeaderSize : WALPage.shortHeaderSize)
    }
}
