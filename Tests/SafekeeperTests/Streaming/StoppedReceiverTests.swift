import Foundation
import PostgresWAL
import SafekeeperHarness
import TestFixtures
import Testing

/// A receiver's process is stopped (SIGSTOP) while WAL flows to 32 shards over real sockets.
///
/// How fast the others are meanwhile is measured by `bench --only stream`.
@Suite("A stopped receiver", .serialized)
struct StoppedReceiverTests {
    private static let isLong = ProcessInfo.processInfo.environment["STREAMING_SOAK"] != nil

    @Test("The others get everything while it is stopped; afterwards it gets exactly what it missed")
    func stopped() async throws {
        try await onThread {
            // A stopped receiver's socket and queue hold what becomes of 60 MB; then it is left behind.
            try Self.run(megabytes: Self.isLong ? 500 : 120, pause: Self.isLong ? .seconds(20) : .zero)
        }
    }

    private static func run(megabytes: Int, pause: Duration) throws {
        let timeline = try StreamedTimeline(try GeneratedWAL(bytes: megabytes * 1_000_000), shards: 32)
        let others = try timeline.receivers(1..<32)
        // Shard zero gets something of every record.
        let stopped = try timeline.receivers(0..<1)
        try others.waitUntilAttached()
        try stopped.waitUntilAttached()

        stopped.signal(SIGSTOP)
        let continuation = ContinuousClock.now + pause
        try timeline.proposer.push(timeline.wal.bytes)
        let results = try others.results(timeout: .seconds(120))
        #expect(results.count == 31)
        #expect(timeline.wrong(results).isEmpty)
        #expect(stopped.finishedCount == 0)
        // The others leave when they are through; the stopped shard's own reader stays.
        #expect(try timeline.metric("safekeeper_wal_readers") >= 1)
        while ContinuousClock.now < continuation { usleep(10_000) }

        stopped.signal(SIGCONT)
        let late = try stopped.results(timeout: .seconds(120))
        #expect(late.count == 1)
        #expect(timeline.wrong(late).isEmpty)
        // Once for all, and once more what the stopped one had missed.
        let decoded = try timeline.metric("safekeeper_interpreted_wal_decoded_bytes_total")
        let all = Double(timeline.wal.bytes.count)
        #expect(decoded > all && decoded < 2.1 * all, "decoded \(decoded) of \(all)")
        #expect(timeline.safekeeper.stop() == 0)
    }
}
