import Foundation
import PostgresWAL
import SafekeeperServer
import ShardIdentity
import TestFixtures
import Testing

/// Shards that come and go anywhere and in any order, slow ones and stopped ones, records longer than chunks: each
/// receiver gets what decoding at home gives its shard, without a gap and without a duplicate.
///
/// `FAN_OUT_ROUNDS` sets the number of rounds.
@Suite("Fan-out under random attaches") struct AttachFuzzTests {
    private static let rounds = ProcessInfo.processInfo.environment["FAN_OUT_ROUNDS"].flatMap(Int.init) ?? 2000

    /// Made once.
    private static let streams = Result { try makeStreams() }

    private static func makeStreams() throws -> [InterpretedStream] {
        let shards = try InterpretedStream.layouts().flatMap { $0 }
        var streams: [InterpretedStream] = []
        for (index, name) in ["pg15", "pg16", "pg17-neon"].enumerated() {
            streams.append(
                try .golden(name, skipping: 2_000_000 * (index + 1), length: 400_000, shards: shards)
            )
        }
        let start = LSN(0x3FF_0028)
        streams.append(try .generated(seed: 1, start: start, count: 500, maximumLength: 40_000, shards: shards))
        // Segments that end early; the first record right behind a page's header.
        let small = WALSegmentSize(bytes: 1 << 20) ?? .standard
        streams.append(
            try .generated(
                seed: 2,
                start: LSN(0x50_2018),
                count: 300,
                maximumLength: 400,
                segmentSize: small,
                shards: shards
            )
        )
        return streams
    }

    @Test("No gap, no duplicate, contiguous batches, everything for shard zero")
    func rounds() async throws {
        let streams = try Self.streams.get()
        // Two cores are what everybody has.
        async let odd = Self.run(stride(from: 1, to: UInt64(Self.rounds), by: 2), streams)
        let even = Self.run(stride(from: 0, to: UInt64(Self.rounds), by: 2), streams)
        var totals = await odd
        totals += even
        // A test that never gets there finds nothing.
        #expect(totals.moves > Self.rounds)
        #expect(totals.failures > 0)
        #expect(totals.messages > 20 * Self.rounds)
        #expect(totals.emptyMessages > 0)
        print("fan-out fuzz: \(totals)")
    }

    private static func run(
        _ seeds: StrideTo<UInt64>,
        _ streams: [InterpretedStream]
    ) -> FanOutRound.Totals {
        var totals = FanOutRound.Totals()
        for seed in seeds {
            do {
                var round = try FanOutRound(seed: seed, streams: streams)
                try round.run()
                totals += round.totals
            } catch {
                Issue.record("seed \(seed): \(error)")
                break
            }
        }
        return totals
    }

    @Test("A shell that does wrong is found out", arguments: FanOutHarness.Fault.allCases)
    func faults(fault: FanOutHarness.Fault) throws {
        let streams = try Self.streams.get()
        var isFound = false
        for seed in UInt64(0)..<100 where !isFound {
            var round = try FanOutRound(seed: seed, streams: streams, fault: fault)
            do {
                try round.run()
            } catch is StreamChecker.Violation {
                isFound = true
            }
        }
        #expect(isFound)
    }
}
