import Foundation
import Ingest
import IngestHarness
import PageserverHarness
import PageserverServer
import PostgresHarness
import PostgresWAL
import ReplicationProtocol
import SafekeeperHarness
import ShardIdentity
import TestFixtures
import Testing
import WalReceiver

/// Whatever happens on the way, in the end a shard has what it would have had.
@Suite("faults", .serialized)
struct FaultTests {
    private enum Kind: CaseIterable {
        case dropped, doubled, flipped, cut
    }

    /// Receives everything through a proxy that spoils some messages.
    private func receive(
        _ reference: ReferenceRun,
        _ selection: WALReceiverProtocol,
        _ plan: @escaping @Sendable (Int) -> FaultyProxy.Fault
    ) async throws -> (RunningShard, FaultyProxy) {
        let proxy = try FaultyProxy(to: reference.kept.safekeeper.port, plan: plan)
        defer { proxy.stop() }
        let shard = try RunningShard(
            timelineShard(),
            try reference.importedStore(),
            port: proxy.port,
            selection
        )
        try await shard.wait(for: reference.end)
        await shard.stop()
        return (shard, proxy)
    }

    @Test("a message dropped, doubled, flipped or cut; a safekeeper killed")
    func proxied() async throws {
        let reference = try await ReferenceRun()
        for selection in [interpreted, vanilla] {
            for kind in Kind.allCases {
                let seed = UInt64.random(in: 0...UInt64.max)
                let (shard, proxy) = try await receive(reference, selection) { number in
                    // Eight of the messages, each far enough from the one before that WAL has come in between.
                    var random = SeededGenerator(seed: seed &+ UInt64(number / 40))
                    let chosen = Int.random(in: 3..<37, using: &random)
                    guard number % 40 == chosen, number / 40 < 8 else { return .none }
                    switch kind {
                    case .dropped: return .dropped
                    case .doubled: return .doubled
                    case .flipped: return .flipped(bit: Int.random(in: 0...Int.max, using: &random))
                    case .cut: return .cut
                    }
                }
                let place = "\(kind), \(selection.json), seed \(seed)"
                let difference = try StoreContent(shard.store).differences(from: reference.content)
                #expect(difference == [], "\(place)")
                let status = shard.receiver.status
                #expect(proxy.messages > 300, "\(place)")
                // What is on its way when a connection ends is spoilt in vain.
                switch kind {
                case .doubled:
                    #expect(proxy.connections == 1 && status.lastError == nil, "\(place): \(status)")
                case .dropped:
                    #expect(status.statistics.failedConnections >= 3, "\(place): \(status)")
                    #expect(status.corruptionDetected, "\(place)")
                    guard case .gap? = status.lastError?.reason else {
                        Issue.record("\(place): \(status)")
                        continue
                    }
                case .flipped:
                    // Some bits change nothing that counts: in headers, and in the rest of a segment after a switch.
                    #expect(status.statistics.failedConnections >= 1, "\(place): \(status)")
                case .cut:
                    #expect(proxy.connections >= 4 && status.lastError == nil, "\(place): \(status)")
                }
            }
        }
        try await killSafekeeper(reference)
    }

    private func killSafekeeper(_ reference: ReferenceRun) async throws {
        let proxy = try FaultyProxy(to: reference.kept.safekeeper.port) { _ in
            // So slow that there is something to interrupt.
            usleep(1_000)
            return .none
        }
        defer { proxy.stop() }
        let shard = try RunningShard(
            timelineShard(),
            try reference.importedStore(),
            port: proxy.port,
            interpreted
        )
        for round in 1...3 {
            let before = shard.lastRecordLSN
            try await eventually("WAL in round \(round)") { shard.lastRecordLSN > before + (4 << 20) }
            reference.kept.safekeeper.stop(SIGKILL)
            reference.kept.disconnectProposer()
            try reference.kept.safekeeper.start()
            proxy.upstream = reference.kept.safekeeper.port
            // A proposer has to say again what is committed.
            try reference.kept.push()
        }
        #expect(shard.lastRecordLSN < reference.end, "the last kill was in the middle")
        try await shard.wait(for: reference.end)
        await shard.stop()
        #expect(try StoreContent(shard.store).differences(from: reference.content) == [])
        #expect(proxy.connections >= 4)
    }

    @Test("a full disk pauses and goes on, and promises nothing meanwhile", .enabled(if: SmallDisk.isAvailable))
    func fullDisk() async throws {
        let reference = try await ReferenceRun()
        let disk = try SmallDisk(megabytes: 1200)
        var options = RocksDBStore.Options()
        options.writeBufferSize = 2 << 20
        options.reservedSpace = 96 << 20
        let store = try RocksDBStore(path: "\(disk.path)/store", options: options)
        try BackupImport.run(.archive(reference.outcome.baseBackup), into: [(try timelineShard(), store)])
        try disk.fill(leaving: 108)
        let shard = try RunningShard(timelineShard(), store, port: reference.kept.safekeeper.port, interpreted)
        try await eventually(within: .seconds(60), "paused: \(shard.receiver.status)") {
            shard.receiver.status.connection?.isPaused == true
        }
        let paused = shard.sink.positions
        #expect(paused.lastRecord < reference.end)
        // What is reported stays what it is, and nobody loses patience: for longer than a keep-alive takes.
        let replies = shard.receiver.status.statistics.replies
        try await eventually("reports") { shard.receiver.status.statistics.replies >= replies + 3 }
        let flush = Result { try shard.sink.flush() }
        let now = shard.sink.positions
        #expect(now.lastRecord == paused.lastRecord)
        if case .failure = flush { #expect(now.diskConsistent == paused.diskConsistent) }
        #expect(now.diskConsistent <= now.lastRecord)
        #expect(shard.receiver.status.statistics.startedConnections == 1)
        let path = "/v1/tenant/\(tenant)/timeline/\(timeline)"
        let seen = try await reference.kept.safekeeper.call("GET", path).body
        #expect(seen.contains("\"last_received_lsn\":\"\(paused.lastRecord)\""), "\(seen)")

        try disk.free()
        try await shard.wait(for: reference.end)
        #expect(shard.receiver.status.connection?.isPaused == false)
        #expect(shard.receiver.status.statistics.pauses >= 1)
        #expect(shard.receiver.status.statistics.startedConnections == 1, "the same connection went on")
        await shard.stop()
        try shard.sink.flush()
        #expect(shard.sink.positions.diskConsistent == reference.end)
        #expect(try StoreContent(store).differences(from: reference.content) == [])
    }
}
