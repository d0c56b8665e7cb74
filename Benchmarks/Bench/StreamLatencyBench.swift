import Glibc
import PostgresWAL
import SafekeeperHarness
import ShardIdentity
import Synchronization

/// The time from a commit to the shards' batches, on loopback, without load.
///
/// It is taken outside of the safekeeper: from before the commit is sent until a shard has the batch in hand. So it is
/// longer than the way inside, by two passages through sockets.
struct StreamLatencyBench {
    let folder: String
    private static let commits = 500

    func run(into results: inout BenchResults) throws {
        results.heading("stream: from a commit to the shards' batches, one small commit after the other")
        for (count, key) in [(UInt8(1), "stream.latency.shards1"), (32, "stream.latency")] {
            let times = try latencies(shards: count).sorted()
            for (name, percent) in [("p50", 50), ("p99", 99)] {
                let value = times[times.count * percent / 100] * 1e3
                results.add("\(key).\(name)_ms", value, "ms", "\(count) shards, all their batches")
            }
        }
    }

    /// Seconds from each commit until each shard's batch.
    private func latencies(shards count: UInt8) throws -> [Double] {
        let wal = try GeneratedWAL(bytes: 1)
        let target = try StreamTarget(startingAt: wal.start, version: wal.version, in: folder)
        let arrivals = Arrivals(shards: Int(count))
        let threads = try (0..<count).map { number in
            let request = ShardClient.Request(
                port: target.safekeeper.port,
                tenant: StreamTarget.tenant,
                timeline: StreamTarget.timeline,
                shard: try ShardIdentity(number: number, count: count, stripeSize: 2048),
                start: wal.start
            )
            return try BlockingThread { arrivals.receive(request) }
        }
        try arrivals.wait(forAttached: Int(count))

        var generator = try WALGenerator(
            InsertSource(seed: 1),
            version: wal.version,
            systemIdentifier: RawProposer.systemIdentifier,
            startingAt: wal.start
        )
        var times: [Double] = []
        for index in 0..<Self.commits {
            guard let record = generator.next() else { break }
            try target.proposer.append(record.bytes.span.bytes, commit: record.start)
            try target.proposer.waitUntilDurable(record.next)
            let start = monotonicNanoseconds()
            try target.proposer.commit(record.next)
            let ends = try arrivals.wait(for: record.next)
            // The first ones warm up.
            if index >= 50 { times += ends.map { Double($0 - start) / 1e9 } }
            try target.proposer.takeAnswers()
            usleep(2_000)
        }
        // The streams end with the safekeeper.
        target.safekeeper.stop(SIGKILL)
        for thread in threads { thread.join() }
        return times
    }
}

/// When shards had what.
private final class Arrivals: Sendable {
    private struct State {
        var attached = 0
        /// Of each position the times at which shards got there.
        var times: [LSN: [UInt64]] = [:]
        var failure: String?
    }

    private let shards: Int
    private let state = Mutex(State())

    init(shards: Int) { self.shards = shards }

    func receive(_ request: ShardClient.Request) {
        var isAttached = false
        do {
            let client = try ShardClient(request)
            while true {
                try client.receive()
                let now = monotonicNanoseconds()
                let position = client.streaming
                state.withLock { state in
                    if !isAttached { state.attached += 1 }
                    if position > request.start { state.times[position, default: []].append(now) }
                }
                isAttached = true
            }
        } catch {
            state.withLock { $0.failure = "\(error)" }
        }
    }

    func wait(forAttached count: Int) throws {
        try wait { $0.attached == count ? () : nil }
    }

    func wait(for position: LSN) throws -> [UInt64] {
        try wait { [shards] state in
            guard let times = state.times[position], times.count == shards else { return nil }
            state.times[position] = nil
            return times
        }
    }

    private func wait<Result>(_ condition: (inout State) -> Result?) throws -> Result {
        while true {
            let (result, failure) = state.withLock { (condition(&$0), $0.failure) }
            if let result { return result }
            if let failure { throw SafekeeperFailure(message: failure) }
            usleep(100)
        }
    }
}
