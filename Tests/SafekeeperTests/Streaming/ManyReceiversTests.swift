import Foundation
import PostgresHarness
import PostgresWAL
import SafekeeperHarness
import TestFixtures
import Testing

/// What receivers cost a real safekeeper.
@Suite("Many receivers", .serialized)
struct ManyReceiversTests {
    /// The bound on resident memory with 128 shards, as README and ARCHITECTURE state it.
    private static let memoryBound: UInt64 = 256 << 20
    /// In a soak ten receivers fall behind by what a server at work writes in an hour, at some 300 kB a second.
    private static let isLong = ProcessInfo.processInfo.environment["STREAMING_SOAK"] != nil
    private static let megabytes = isLong ? 1_000 : 100
    private static let timeout = Duration.seconds(isLong ? 300 : 120)

    @Test("Memory stays bounded with 128 shards, ten of them far behind")
    func memory() async throws {
        try await onThread {
            let timeline = try StreamedTimeline(try GeneratedWAL(bytes: Self.megabytes * 1_000_000), shards: 128)
            let pid = try #require(timeline.safekeeper.pid)
            let others = try timeline.receivers(10..<128, stay: true)
            let behind = try timeline.receivers(0..<10, stay: true)
            try others.waitUntilAttached()
            try behind.waitUntilAttached()
            let before = try ProcessUsage.residentBytes(of: pid)
            behind.signal(SIGSTOP)
            try timeline.proposer.push(timeline.wal.bytes)
            #expect(timeline.wrong(try others.results(timeout: Self.timeout)).isEmpty)
            let peak = try ProcessUsage.peakResidentBytes(of: pid)
            behind.signal(SIGCONT)
            #expect(timeline.wrong(try behind.results(timeout: Self.timeout)).isEmpty)
            let last = try ProcessUsage.peakResidentBytes(of: pid)
            print(
                "128 shards: \(before >> 20) MiB attached, \(peak >> 20) MiB with ten stopped, \(last >> 20) MiB at most"
            )
            #expect(last < Self.memoryBound)
            #expect(timeline.safekeeper.stop() == 0)
        }
    }

    @Test("One shard of 32 that comes and goes makes nobody decode again")
    func flapping() async throws {
        try await onThread {
            // What is decoded while it is away is decoded once more for it: some 3 MB each time, at the rate at which
            // this safekeeper takes WAL. So there is to be much more between.
            let timeline = try StreamedTimeline(try GeneratedWAL(bytes: 400_000_000), shards: 32)
            let others = try timeline.receivers(0..<31)
            try others.waitUntilAttached()
            let flapping = try FlappingShard(timeline, shard: 31)
            let thread = try BlockingThread { flapping.run() }
            try flapping.waitUntilAttached()
            try timeline.proposer.push(timeline.wal.bytes)
            #expect(timeline.wrong(try others.results(timeout: .seconds(120))).isEmpty)
            thread.join()
            let (connections, failure) = flapping.outcome
            #expect(failure == nil)
            #expect(connections >= 10)
            let decoded = try timeline.metric("safekeeper_interpreted_wal_decoded_bytes_total")
            let ratio = decoded / Double(timeline.wal.bytes.count)
            print("a flapping shard: \(connections) connections, decoded \(ratio) times the WAL")
            #expect(ratio >= 1 && ratio < 1.2)
            #expect(timeline.safekeeper.stop() == 0)
        }
    }
}
