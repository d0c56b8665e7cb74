import Foundation
import Logging
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import StorageSimulation
import TestFixtures
import Testing

@Suite("Deleting timelines under load")
struct DeletionUnderLoadTests {
    private let ids = [TenantTimelineID(1, 1), TenantTimelineID(1, 2)]

    /// Writes until the timeline is gone; gives the positions that were answered.
    private func write(_ proposer: TestProposer, _ random: inout SeededGenerator) async throws -> LSN {
        var answered = LSN.invalid
        do {
            try await proposer.elect()
            while true {
                var end = LSN.invalid
                for _ in 0..<Int.random(in: 1...20, using: &random) {
                    end = proposer.append(Int.random(in: 0...10_000, using: &random))
                }
                answered = try await proposer.response(flushed: end).flush
            }
        } catch is TestProposer.NoAnswer {
            proposer.disconnect()
            return answered
        }
    }

    private func delete(_ id: TenantTimelineID, from registry: TimelineRegistry) async throws {
        let start = ContinuousClock.now
        #expect(try await registry.delete(id))
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    @Test("Two writers and four who wait for WAL: all end, nothing is left", arguments: 0..<100)
    func deletion(round: Int) async throws {
        let time = ManualTime()
        let (safekeeper, _) = try TestSafekeeper.onDisk(time: time)
        let registry = safekeeper.registry
        try await withThrowingTaskGroup { group in
            for id in ids {
                let proposer = try TestProposer(safekeeper, id)
                group.addTask {
                    var random = SeededGenerator(seed: UInt64(round))
                    _ = try await write(proposer, &random)
                    #expect(try await proposer.ending.value.get() == .timelineCancelled)
                }
                try await eventually("the timeline is there") { (try? registry.timeline(id)) != nil }
                for _ in 0..<2 {
                    group.addTask {
                        await #expect(throws: TimelineError.cancelled(id)) {
                            try await registry.withTimeline(id) { timeline in
                                var position = LSN.invalid
                                while true {
                                    position = try await timeline.watch.wait(for: .flushed(beyond: position)).flushLSN
                                }
                            }
                        }
                    }
                }
            }
            try await eventually("WAL is flowing") {
                registry.timelines.allSatisfy {
                    $0.watch.current.flushLSN > TestProposer.start && $0.gate.userCount == 3
                }
            }
            for id in ids {
                group.addTask { try await delete(id, from: registry) }
            }
            try await group.waitForAll()
        }
        let tenant = safekeeper.directory.path + "/\(ids[0].tenant)"
        #expect(try FileManager.default.contentsOfDirectory(atPath: tenant).isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: safekeeper.directory.path + "/tmp").isEmpty)
        for name in ["receivers", "receiver_queue_depth_total", "receiver_queue_size_total"] {
            let record = safekeeper.metrics.record("safekeeper_wal_" + name)
            #expect(record?.value == 0 && record?.minimum == 0)
        }
        #expect(safekeeper.metrics.value("safekeeper_wal_disk_io_errors") == 0)
        try await eventually("nobody sleeps") { time.sleeperCount == 0 }
        let problems = safekeeper.log.lines.filter { $0.level >= .warning }
        #expect(problems.isEmpty)
        await registry.shutDown()
    }
}
