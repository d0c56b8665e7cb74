import Ingest
import InterpretedWAL
import Logging
import PageserverHarness
import PageserverServer
import PostgresWAL
import ReplicationProtocol
import ShardIdentity
import Testing
import WalReceiver

let tenant = KeptTimeline.tenant
let timeline = KeptTimeline.timeline

let vanilla = WALReceiverProtocol.vanilla
let interpreted = ReceiverConfiguration().selection

func timelineShard(_ number: UInt8 = 0, of count: UInt8 = 0, major: Int = 15, stripe: UInt32 = 2048) throws
    -> TimelineShard
{
    let index = try ShardIndex(number: ShardNumber(number), count: ShardCount(count))
    return TimelineShard(
        tenant: tenant,
        timeline: timeline,
        identity: ShardIdentity(index: index, stripeSize: try ShardStripeSize(pages: stripe)),
        version: try #require(PostgresMajorVersion(rawValue: major))
    )
}

/// A shard with a receiver at work, in this process.
final class RunningShard: Sendable {
    let store: any VersionedStore
    let sink: IngestSink
    let receiver: WALReceiver
    private let task: Task<Void, Never>

    init(
        _ shard: TimelineShard,
        _ store: any VersionedStore,
        port: UInt16,
        _ selection: WALReceiverProtocol,
        configure: (inout ReceiverConfiguration) -> Void = { _ in }
    ) throws {
        self.store = store
        sink = try IngestSink(opening: store, as: shard)
        var configuration = ReceiverConfiguration()
        configuration.selection = selection
        configure(&configuration)
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        receiver = WALReceiver(
            ReceiverTarget(shard),
            safekeepers: [Safekeeper(number: SafekeeperNumber(1), host: "127.0.0.1", port: port)],
            sink: sink,
            configuration: configuration,
            logger: logger
        )
        let receiver = receiver
        task = Task { await receiver.run() }
    }

    deinit { task.cancel() }

    var lastRecordLSN: LSN { sink.positions.lastRecord }

    /// Waits until everything up to `lsn` is there.
    func wait(for lsn: LSN, within limit: Duration = .seconds(120)) async throws {
        let watch = sink.watch
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await watch.wait(for: lsn)
                return true
            }
            group.addTask {
                try await Task.sleep(for: limit)
                return false
            }
            let isThere = try await group.next() ?? false
            group.cancelAll()
            let place = "\(lastRecordLSN) instead of \(lsn): \(receiver.status)"
            try #require(isThere, "\(place)")
        }
    }

    func stop() async {
        await receiver.stop()
        await task.value
    }
}

/// Waits until something holds; records what does not if it takes too long.
func eventually(
    within limit: Duration = .seconds(30),
    _ what: @autoclosure () -> String = "",
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, "not in \(limit): \(what())")
        try await Task.sleep(for: .milliseconds(10))
    }
}
