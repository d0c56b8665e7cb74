import Glibc
import PostgresWAL
import SafekeeperHarness

/// What 31 shards notice of a 32nd one whose process is stopped: the time in which they get a flow of WAL.
struct StoppedReceiverBench {
    let megabytes: Int
    let folder: String

    func run(rounds: Int, into results: inout BenchResults) throws {
        results.heading("stream: \(megabytes) MB of WAL flow to 32 shards, one of them stopped")
        let wal = try GeneratedWAL(bytes: megabytes * 1_000_000)
        var undisturbed = Double.infinity
        var stopped = Double.infinity
        for _ in 0..<rounds {
            undisturbed = min(undisturbed, try seconds(wal, stops: false))
            stopped = min(stopped, try seconds(wal, stops: true))
        }
        let size = Double(wal.bytes.count) / 1e6
        results.add("stream.undisturbed.mb_per_s", size / undisturbed, "MB/s", "31 shards, the 32nd receives as well")
        results.add("stream.stopped.mb_per_s", size / stopped, "MB/s", "the same while the 32nd is stopped")
        results.add("stream.stopped.ratio_to_undisturbed", stopped / undisturbed, "x", "the time of an undisturbed run")
    }

    /// From the first byte that the proposer sends until the last of 31 shards has everything.
    private func seconds(_ wal: GeneratedWAL, stops: Bool) throws -> Double {
        let target = try StreamTarget(startingAt: wal.start, version: wal.version, in: folder)
        let others = try target.receivers(1..<32, of: 32, upTo: wal.end)
        let stopped = try target.receivers(0..<1, of: 32, upTo: wal.end)
        try others.waitUntilAttached()
        try stopped.waitUntilAttached()
        if stops { stopped.signal(SIGSTOP) }
        let start = monotonicNanoseconds()
        try target.proposer.push(wal.bytes)
        let end = try others.results(timeout: .seconds(600)) { try target.proposer.takeAnswers() }.values.map(\.time)
            .max()
        stopped.signal(SIGCONT)
        _ = try stopped.results(timeout: .seconds(600)) { try target.proposer.takeAnswers() }
        return Double((end ?? start) - start) / 1e9
    }
}
