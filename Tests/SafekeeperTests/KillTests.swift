import Foundation
import PostgresWAL
import SafekeeperHarness
import SafekeeperServer
import ShardIdentity
import TestFixtures
import Testing

/// A real process is killed at random moments: in creation, segment switches, truncation, control-file writes, deletion.
@Suite("kill -9", .serialized)
struct KillTests {
    @Test("Whatever it was at, what it acknowledged is there")
    func kills() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("kill -9: seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let folder = try TemporaryFolder()
        let directory = folder.path(of: "data")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let safekeeper = SafekeeperProcess(directory: directory)
        let writers = (0..<2).map { KilledWriter(timeline: 0xB0 + UInt128($0), seed: random.next()) }
        let churn = TimelineChurn()
        for round in 0..<50 {
            try safekeeper.start()
            let port = safekeeper.port
            let httpPort = safekeeper.httpPort
            let pause = Int.random(in: 5...150, using: &random)
            let deadline = ContinuousClock.now + .seconds(30)
            async let loads: Void = withThrowingTaskGroup(of: Void.self) { group in
                for writer in writers {
                    group.addTask { try await load(writer, port: port, until: deadline) }
                }
                group.addTask { await churn.run(httpPort: httpPort, until: deadline) }
                try await group.waitForAll()
            }
            try await Task.sleep(for: .milliseconds(pause))
            safekeeper.stop(SIGKILL)
            do {
                try await loads
                for writer in writers { try writer.checkFiles(in: directory) }
            } catch {
                Issue.record("seed \(seed), round \(round): \(error)")
                return
            }
        }
        // It comes up once more, with all that was made and nothing that was deleted.
        try safekeeper.start()
        try await churn.check(safekeeper)
        let final = ContinuousClock.now + .milliseconds(300)
        for writer in writers { try writer.run(port: safekeeper.port, until: final) }
        #expect(safekeeper.stop() == 0)
        for writer in writers {
            try writer.checkFiles(in: directory)
            #expect(writer.elections > 20 && writer.cuts > 2 && writer.committed > KilledWriter.start)
        }
        #expect(churn.created.count > 10 && churn.deleted.count > 5)
    }
}

/// Pushes WAL until the process is killed, which is no error.
private func load(_ writer: KilledWriter, port: UInt16, until deadline: ContinuousClock.Instant) async throws {
    do {
        try await onThread { try writer.run(port: port, until: deadline) }
    } catch ConnectionFailure.closed, ConnectionFailure.system {}
}
