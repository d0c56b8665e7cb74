import Foundation
import Ingest
import InterpretedWAL
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

/// A sink that counts what it is given, and passes it on or only notes how far it is.
private final class CountingSink: WALSink {
    private let state: Mutex<(begun: Int, positions: SinkPositions)>
    private let inner: IngestSink?
    private let (messages, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingOldest(1))

    init(_ inner: IngestSink) {
        self.inner = inner
        state = Mutex((0, inner.positions))
    }

    init(startingAt start: LSN) {
        inner = nil
        state = Mutex((0, SinkPositions(lastRecord: start)))
    }

    var positions: SinkPositions { inner?.positions ?? state.withLock { $0.positions } }
    var begun: Int { state.withLock { $0.begun } }

    /// Waits for the first message.
    func waitForMessage() async {
        for await _ in messages { break }
    }

    func ingest(message: RawSpan) throws(WALSinkError) {
        state.withLock { $0.begun += 1 }
        signal.yield()
        guard let inner else {
            guard let next = try? InterpretedBatchParser(message).nextRecordLSN else {
                throw WALSinkError(.rejected, "no message")
            }
            state.withLock { $0.positions.lastRecord = next }
            return
        }
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

    /// A store with a base backup, and a safekeeper that has the WAL behind it: all of it, or its first `bytes`.
    private func keptWorkload(
        bytes: UInt64? = nil
    ) throws -> (store: InMemoryStore, kept: KeptTimeline, start: LSN) {
        let outcome = try Workload.shared(major: 15)
        let store = InMemoryStore()
        let start = try BackupImport.run(.archive(outcome.baseBackup), into: [(try timelineShard(), store)])
        let kept = try KeptTimeline(outcome.walDirectory, from: start, to: outcome.end)
        if let bytes { try kept.push(to: start + bytes) } else { try kept.push() }
        return (store, kept, start)
    }

    /// `CANCEL_ROUNDS` for `make soak`.
    @Test("nothing is ingested after the stop, however full the socket is", .timeLimit(.minutes(5)))
    func nothingAfterwards() async throws {
        let rounds = ProcessInfo.processInfo.environment["CANCEL_ROUNDS"].flatMap { Int($0) } ?? 1000
        let (store, kept, start) = try keptWorkload()
        defer { withExtendedLifetime(kept) {} }
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        var begun = 0
        let began = ContinuousClock.now
        for round in 0..<rounds {
            // A store has all of the WAL some time; so most sinks begin at the beginning, and the socket is always full.
            let isStored = round % 10 == 0
            let sink =
                isStored
                ? CountingSink(try IngestSink(opening: store, as: timelineShard())) : CountingSink(startingAt: start)
            let receiver = try receiver(sink, port: kept.safekeeper.port)
            let isCancelledByTask = random.chance(1, in: 2)
            let task = Task { await receiver.run() }
            if sink.positions.lastRecord < kept.end.recordAligned { await sink.waitForMessage() }
            try await Task.sleep(for: .microseconds(Int.random(in: 0...3000, using: &random)))
            if isCancelledByTask { task.cancel() }
            await receiver.stop()
            let after = sink.begun
            await task.value
            #expect(sink.begun == after, "seed \(seed), round \(round)")
            #expect(isStored || sink.positions.lastRecord < kept.end, "seed \(seed): the stop was in the middle")
            begun += after
            // Messages that wait in the socket are no concern any more.
            #expect(receiver.status.statistics.messages >= UInt64(after))
        }
        print("\(rounds) stops in \(ContinuousClock.now - began), \(begun) messages before them")
        #expect(begun > rounds / 2)
        #expect(isWhole(store))
    }

    /// The store can be opened again: no message was left half ingested that is not committed.
    private func isWhole(_ store: InMemoryStore) -> Bool {
        (try? ShardIngest(opening: store, as: timelineShard())) != nil
    }

    @Test("a frozen safekeeper holds up no stop, in the stream or before")
    func frozen() async throws {
        let (store, kept, _) = try keptWorkload(bytes: 20 << 20)
        defer { withExtendedLifetime(kept) {} }
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
        let (store, kept, _) = try keptWorkload(bytes: 20 << 20)
        defer { withExtendedLifetime(kept) {} }
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
        try await shard.wait(for: kept.end.recordAligned)
        await shard.stop()
    }
}
