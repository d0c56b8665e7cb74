import Foundation
import Ingest
import Logging
import PageserverHarness
import PageserverServer
import PostgresHarness
import PostgresWAL
import SafekeeperHarness
import ShardIdentity
import Testing
import WalReceiver

/// Several safekeepers, of which one falls behind or goes away.
@Suite("changing the safekeeper", .serialized)
struct SwitchTests {
    @Test("the one that has no more WAL is left for one that has; a killed one, too")
    func behind() async throws {
        let outcome = try Workload.shared(major: 15)
        let store = InMemoryStore()
        let shard = try timelineShard()
        let start = try BackupImport.run(.archive(outcome.baseBackup), into: [(shard, store)])
        let kept = try (1...2).map { try KeptTimeline(outcome.walDirectory, from: start, to: outcome.end, node: $0) }
        defer { withExtendedLifetime(kept) {} }
        // The backup has ended its segment: what follows is in the next one.
        let next = start + (16 << 20)
        try kept[0].push(to: next + (6 << 20))
        try kept[1].push(to: next + (3 << 20))
        let safekeepers = kept.map { kept in
            Safekeeper(
                number: SafekeeperNumber(kept.safekeeper.node),
                host: "127.0.0.1",
                port: kept.safekeeper.port
            )
        }
        let sink = try IngestSink(opening: store, as: shard)
        var configuration = ReceiverConfiguration()
        configuration.manager.laggingTimeout = .seconds(1)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let receiver = WALReceiver(
            ReceiverTarget(shard),
            safekeepers: safekeepers,
            sink: sink,
            configuration: configuration,
            logger: logger
        )
        let probe = SafekeeperProbe(
            safekeepers,
            ReceiverTarget(shard),
            configuration: configuration,
            period: .milliseconds(100)
        )
        let probing = Task { await probe.run { receiver.announce($0) } }
        let running = Task { await receiver.run() }
        defer {
            probing.cancel()
            running.cancel()
        }
        // The first one has more; the second one is known to exist, and not chosen.
        try await eventually("streaming from 1: \(receiver.status.text)") {
            receiver.status.safekeeper?.number == SafekeeperNumber(1)
                && sink.positions.lastRecord > next + (3 << 20)
        }
        try kept[1].push(to: next + (12 << 20))
        try await eventually("streaming from 2: \(receiver.status.text)") {
            receiver.status.safekeeper?.number == SafekeeperNumber(2)
                && sink.positions.lastRecord > next + (9 << 20)
        }
        #expect(receiver.status.switches[.noWALTimeout] == 1, "\(receiver.status.text)")
        // Then the second one dies, and the first one has got the rest.
        kept[1].safekeeper.stop(SIGKILL)
        try kept[0].push()
        try await eventually("everything: \(receiver.status), \(kept[0].safekeeper.log.suffix(2000))") {
            sink.positions.lastRecord == outcome.end.recordAligned
        }
        #expect(receiver.status.safekeeper?.number == SafekeeperNumber(1))
        await receiver.stop()
        await running.value
    }
}
