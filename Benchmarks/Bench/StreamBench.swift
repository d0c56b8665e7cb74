import PostgresWAL
import SafekeeperHarness

/// Streaming interpreted WAL: the processor time of a real safekeeper, sockets and compression included.
///
/// The WAL lies there, durable but not committed, when the shards attach; then it is committed at once, so that only
/// streaming is measured. The reference are the same shards with a term, which the safekeeper decodes for one by one.
struct StreamBench {
    let sample: Sample
    let folder: String

    func run(rounds: Int, into results: inout BenchResults) throws {
        let megabytes = Double(sample.bytes.count) / 1e6
        results.heading("stream: \(sample.name), \(Int(megabytes)) MB of WAL, a safekeeper's processor time")
        var together: [UInt8: Double] = [:]
        var alone: [UInt8: Double] = [:]
        for _ in 0..<rounds {
            for count: UInt8 in [1, 8, 32] {
                together[count] = min(together[count] ?? .infinity, try seconds(shards: count, alone: false))
            }
            for count: UInt8 in [8, 32] {
                alone[count] = min(alone[count] ?? .infinity, try seconds(shards: count, alone: true))
            }
        }
        let key = "stream.\(sample.name)"
        func add(_ name: String, _ seconds: Double, _ remark: String) {
            results.add("\(key).\(name).cpu_seconds_per_gb", seconds / megabytes * 1e3, "s/GB", remark)
        }
        guard let one = together[1] else { return }
        for (count, seconds) in together.sorted(by: { $0.key < $1.key }) {
            add("shards\(count)", seconds, "decoded once")
        }
        for (count, seconds) in alone.sorted(by: { $0.key < $1.key }) {
            add("shards\(count).alone", seconds, "each shard decodes for itself")
            guard let shared = together[count] else { continue }
            results.add("\(key).shards\(count).ratio_to_shards1", shared / one, "x", "the cost of one shard")
            results.add("\(key).shards\(count).ratio_to_alone", seconds / shared, "x", "cheaper than each by itself")
        }
    }

    /// Processor time from the first connection until the last shard has everything.
    private func seconds(shards count: UInt8, alone: Bool) throws -> Double {
        let target = try StreamTarget(startingAt: sample.start, version: sample.version, in: folder)
        try target.proposer.store(sample.bytes, committed: sample.start)
        let end = target.proposer.position
        let before = try target.processorSeconds()
        let receivers = try target.receivers(0..<count, of: count, upTo: end, term: alone ? target.proposer.term : nil)
        try receivers.waitUntilAttached()
        try target.proposer.commit(end)
        _ = try receivers.results(timeout: .seconds(600)) { try target.proposer.takeAnswers() }
        return try target.processorSeconds() - before
    }
}
