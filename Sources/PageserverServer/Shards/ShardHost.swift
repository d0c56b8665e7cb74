internal import Dispatch
package import Ingest
package import Logging
internal import PostgresWAL
internal import ShardIdentity
internal import Synchronization
package import WalReceiver

/// A shard at work: what it holds, who brings the WAL, and when it is made durable.
package final class ShardHost: Sendable {
    /// How often is looked whether there is something to flush, unless it may wait for less.
    private static let flushPeriod = Duration.seconds(1)

    /// What it is.
    package let shard: TimelineShard
    /// Its ingest.
    package let sink: IngestSink
    /// Its receiver.
    package let receiver: WALReceiver
    let rateMeter = RateMeter()
    private let policy: FlushPolicy
    private let logger: Logger
    private let queue: DispatchQueue
    private let counters = Mutex(FlushCounters())

    /// What became of flushes.
    struct FlushCounters: Hashable, Sendable {
        var done: UInt64 = 0
        var failed: UInt64 = 0
    }

    /// - Parameters:
    ///   - sink: the shard's ingest.
    ///   - safekeepers: where WAL comes from.
    ///   - configuration: how.
    ///   - policy: when to flush.
    ///   - logger: where to tell what happens.
    package init(
        _ sink: IngestSink,
        safekeepers: [Safekeeper],
        configuration: ReceiverConfiguration,
        policy: FlushPolicy,
        logger: Logger
    ) {
        self.sink = sink
        self.policy = policy
        self.logger = logger
        shard = sink.shard
        queue = DispatchQueue(label: "flush \(shard)")
        let watch = sink.watch
        receiver = WALReceiver(
            ReceiverTarget(shard),
            safekeepers: safekeepers,
            sink: sink,
            configuration: configuration,
            logger: logger,
            hasWaiters: { watch.hasWaiters }
        )
    }

    var flushCounters: FlushCounters { counters.withLock { $0 } }

    /// Receives and flushes until the task is cancelled; then makes durable what is there.
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.receiver.run() }
            group.addTask { await self.flushNowAndThen() }
            await group.waitForAll()
        }
        await flush()
        sink.watch.close()
    }

    private func flushNowAndThen() async {
        var lastFlush = ContinuousClock.now
        while !Task.isCancelled {
            try? await Task.sleep(for: min(Self.flushPeriod, policy.timeout))
            let now = ContinuousClock.now
            rateMeter.add(
                RateMeter.Sample(
                    time: now,
                    lsn: sink.positions.lastRecord,
                    payloadBytes: receiver.status.statistics.payloadBytes,
                    records: sink.statistics.records
                )
            )
            let positions = sink.watch.positions
            guard policy.isDue(positions, shardCount: shard.identity.count, after: now - lastFlush) else { continue }
            if await flush() { lastFlush = ContinuousClock.now }
        }
    }

    /// Makes durable what is there; gives whether that worked.
    @discardableResult
    package func flush() async -> Bool {
        let before = sink.watch.positions
        guard before.lastRecordLSN > before.diskConsistentLSN else { return true }
        do throws(IngestError) {
            let sink = sink
            try await BlockingWork.run(on: queue) { () throws(IngestError) in try sink.flush() }
            counters.withLock { $0.done += 1 }
            return true
        } catch {
            counters.withLock { $0.failed += 1 }
            // What is not durable stays in the store's memory, and with the safekeepers.
            logger.critical("could not make WAL durable: \(error)")
            return false
        }
    }
}

extension ReceiverTarget {
    /// What a shard receives.
    package init(_ shard: TimelineShard) {
        self.init(
            tenant: shard.tenant,
            timeline: shard.timeline,
            identity: shard.identity,
            version: shard.version
        )
    }
}
