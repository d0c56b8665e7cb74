import Foundation
import Ingest
import Logging
import PageserverHarness
import PageserverServer
import PostgresHarness
import PostgresWAL
import ReplicationProtocol
import SafekeeperHarness
import ShardIdentity
import Synchronization
import TestFixtures
import Testing
import WalReceiver

/// A sink that counts what it is given, and takes no notice of it but for positions.
private final class CountingSink: WALSink {
    private let state: Mutex<(begun: Int, positions: SinkPositions)>
    private let inner: IngestSink

    init(_ inner: IngestSink) {
        self.inner = inner
        state = Mutex((0, inner.positions))
    }

    var positions: SinkPositions { inner.positions }
    var begun: Int { state.withLock { $0.begun } }

    func ingest(message: RawSpan) throws(WALSinkError) {
        state.withLock { $0.begun += 1 }
        try inner.ingest(message: message)
    }
}

@Suite("stopping a receiver", .serialized)
struct CancellationTests {
    private func receiver(_ sink: any WALSink, port: UInt16) throws -> WALReceiver {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return WALReceiver(
            ReceiverTarget(try timelineShard()),
            safekeepers: [Safekeeper(number: SafekeeperNumber(1), host: "127.0.0.1", port: port)],
            sink: sink,
            logger: logger
        )
    }

    @Test("nothing is ingested after the stop, however full the socket is")
    func nothingAfterwards() async throws {
        let outcome = try Workload.shared(major: 15)
        let store = InMemoryStore()
        let start = try BackupImport.run(.archive(outcome.baseBackup), into: [(try timelineShard(), store)])
        let kept = try KeptTimeline(outcome.walDirectory, from: start, to: outcome.end)
        defer { withExtendedLifetime(kept) {} }
        try kept.push()
        var random = SeededGenerator(seed: 3)
        var begun = 0
        for _ in 0..<100 {
            let inner = try IngestSink(opening: store, as: timelineShard())
            let sink = CountingSink(inner)
            let receiver = try receiver(sink, port: kept.safekeeper.port)
            let isCancelledByTask = random.chance(1, in: 2)
            let task = Task { await receiver.run() }
            try await eventually("WAL") { sink.begun > 0 || inner.positions.lastRecord >= kept.end.recordAligned }
            try await Task.sleep(for: .microseconds(Int.random(in: 0...3000, using: &random)))
            if isCancelledByTask { task.cancel() }
            await receiver.stop()
            let after = sink.begun
            await task.value
            #expect(sink.begun == after)
            begun += after
            // Messages that wait in the socket are no concern any more.
            #expect(receiver.status.statistics.messages >= UInt64(after))
        }
        #expect(begun > 100)
        #expect(isWhole(store))
    }

    /// The store can be opened again: no message was left half ingested that is not committed.
    private func isWhole(_ store: InMemoryStore) -> Bool {
        (try? ShardIngest(opening: store, as: timelineShard())) != nil
    }

    @Test("a frozen safekeeper holds up no stop, in the stream or before")
    func frozen() async throws {
        let outcome = try Workload.shared(major: 15)
        let store = InMemoryStore()
        let start = try BackupImport.run(.archive(outcome.baseBackup), into: [(try timelineShard(), store)])
        let kept = try KeptTimeline(outcome.walDirectory, from: start, to: outcome.end)
        defer { withExtendedLifetime(kept) {} }
        try kept.push(to: start + (20 << 20))
        for isFrozenBefore in [false, true] {
            if isFrozenBefore { kept.safekeeper.signal(SIGSTOP) }
            let sink = try IngestSink(opening: store, as: timelineShard())
            let receiver = try receiver(sink, port: kept.safekeeper.port)
            let task = Task { await receiver.run() }
            if isFrozenBefore {
                try await eventually("a connection") { receiver.status.statistics.startedConnections == 1 }
            } else {
                try await eventually("a stream") { receiver.status.connection?.streamingLSN != nil }
                kept.safekeeper.signal(SIGSTOP)
            }
            let begin = ContinuousClock.now
            await receiver.stop()
            await task.value
            #expect(ContinuousClock.now - begin < .seconds(5), "frozen before: \(isFrozenBefore)")
            kept.safekeeper.signal(SIGCONT)
        }
    }

    @Test("the only safekeeper, frozen, is connected to anew, and WAL comes again")
    func onlySafekeeper() async throws {
        let outcome = try Workload.shared(major: 15)
        let store = InMemoryStore()
        let start = try BackupImport.run(.archive(outcome.baseBackup), into: [(try timelineShard(), store)])
        let kept = try KeptTimeline(outcome.walDirectory, from: start, to: outcome.end)
        defer { withExtendedLifetime(kept) {} }
        try kept.push(to: start + (20 << 20))
        let shard = try RunningShard(timelineShard(), store, port: kept.safekeeper.port, interpreted) {
            $0.manager.connectTimeout = .seconds(2)
        }
        try await eventually("a stream") { shard.receiver.status.connection?.streamingLSN != nil }
        kept.safekeeper.signal(SIGSTOP)
        try await eventually("the connection is left: \(shard.receiver.status.text)") {
            shard.receiver.status.switches[.noKeepAlives] ?? 0 >= 1
        }
        kept.safekeeper.signal(SIGCONT)
        try kept.push()
        try await shard.wait(for: outcome.end.recordAligned)
        await shard.stop()
    }
}
