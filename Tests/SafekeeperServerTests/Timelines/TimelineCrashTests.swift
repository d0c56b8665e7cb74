import Glibc
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import StorageSimulation
import TestFixtures
import Testing

@Suite("Timelines: crashes and errors at every operation")
struct TimelineCrashTests {
    private let id = TenantTimelineID(1, 2)

    private func start(_ disk: SimulatedFileSystem) async throws -> TimelineRegistry {
        let registry = TestSafekeeper.simulated(disk).registry
        try await registry.load()
        return registry
    }

    /// The names in `tmp` and in the tenant's folder.
    private func leftovers(_ disk: SimulatedFileSystem) throws -> [String] {
        disk.isPaused = true
        defer { disk.isPaused = false }
        return try (disk.listIfPresent("/data/tmp") ?? []) + (disk.listIfPresent("/data/\(id.tenant)") ?? [])
    }

    @Test("A creation that crashes leaves no timeline or a whole one", arguments: SimulatedFileSystem.Crash.allCases)
    func creation(crash: SimulatedFileSystem.Crash) async throws {
        var outcomes: Set<Bool> = []
        var operation = 0
        while true {
            for round in 0..<4 {
                let disk = SimulatedFileSystem(seed: UInt64(operation * 4 + round))
                let before = try await start(disk)
                let first = disk.operationCount
                disk.crashOperation = first + operation
                let isMade = (try? await before.create(id, for: TestSafekeeper.server)) != nil
                let isCrashed = disk.operationCount > first + operation
                await before.shutDown()
                disk.restart(after: crash)
                let after = try await start(disk)
                #expect(after.unreadable.isEmpty, "operation \(operation): \(after.unreadable)")
                let isThere = after.timelines.map(\.id) == [id]
                #expect(isThere || after.timelines.isEmpty)
                if isMade { #expect(isThere, "operation \(operation)") }
                #expect(try leftovers(disk) == (isThere ? ["\(id.timeline)"] : []), "operation \(operation)")
                _ = try await after.create(id, for: TestSafekeeper.server)
                await after.shutDown()
                outcomes.insert(isThere)
                if !isCrashed { return #expect(outcomes.count == 2 && operation > 10) }
            }
            operation += 1
        }
    }

    @Test(
        "A deletion that crashes can be repeated, and what is deleted doesn't come back",
        arguments: SimulatedFileSystem.Crash.allCases
    )
    func deletion(crash: SimulatedFileSystem.Crash) async throws {
        var operation = 0
        while true {
            for round in 0..<4 {
                let disk = SimulatedFileSystem(seed: UInt64(operation * 4 + round))
                let before = try await start(disk)
                _ = try await before.create(id, for: TestSafekeeper.server)
                let first = disk.operationCount
                disk.crashOperation = first + operation
                let isDeleted = (try? await before.delete(id)) != nil
                let isCrashed = disk.operationCount > first + operation
                await before.shutDown()
                disk.restart(after: crash)
                let after = try await start(disk)
                #expect(after.unreadable.isEmpty, "operation \(operation): \(after.unreadable)")
                if isDeleted {
                    #expect(throws: TimelineError.deleted(id)) { try after.timeline(id) }
                }
                // Either the deletion has begun for good, or the timeline is as it was.
                if (try? after.timeline(id)) == nil {
                    #expect(try leftovers(disk).isEmpty, "operation \(operation)")
                    #expect(throws: TimelineError.deleted(id)) { try after.timeline(id) }
                }
                try await after.delete(id)
                #expect(try leftovers(disk).isEmpty, "operation \(operation)")
                await after.shutDown()
                if !isCrashed { return #expect(operation > 8) }
            }
            operation += 1
        }
    }

    @Test("An error at any operation of a creation: it can be tried again, or is reported", arguments: [EIO, ENOSPC])
    func creationErrors(code: Int32) async throws {
        for operation in 0..<100 {
            let disk = SimulatedFileSystem(seed: UInt64(operation))
            let registry = try await start(disk)
            disk.fault = SimulatedFileSystem.Fault(operation: disk.operationCount + operation, code: code)
            let isHit: Bool
            do {
                _ = try await registry.create(id, for: TestSafekeeper.server)
                isHit = false
            } catch {
                isHit = true
            }
            disk.fault = nil
            if registry.unreadable.isEmpty {
                _ = try await registry.create(id, for: TestSafekeeper.server)
            } else {
                // It has its place already and could not be loaded: a restart does.
                await #expect(throws: TimelineError.existsOnDisk(id)) {
                    try await registry.create(id, for: TestSafekeeper.server)
                }
                let again = try await start(disk)
                #expect(again.timelines.map(\.id) == [id], "operation \(operation)")
                await again.shutDown()
            }
            await registry.shutDown()
            if !isHit && operation > 40 { return }
        }
        Issue.record("the creation has more than 100 operations")
    }

    @Test("An error at any operation of a deletion: it can be tried again", arguments: [EIO, ENOSPC])
    func deletionErrors(code: Int32) async throws {
        for operation in 0..<40 {
            let disk = SimulatedFileSystem(seed: UInt64(operation))
            let registry = try await start(disk)
            _ = try await registry.create(id, for: TestSafekeeper.server)
            disk.fault = SimulatedFileSystem.Fault(operation: disk.operationCount + operation, code: code)
            _ = try? await registry.delete(id)
            disk.fault = nil
            try await registry.delete(id)
            #expect(throws: TimelineError.deleted(id)) { try registry.timeline(id) }
            #expect(registry.unreadable.isEmpty)
            await registry.shutDown()
            disk.restart(after: .powerLoss)
            let again = try await start(disk)
            #expect(throws: TimelineError.deleted(id)) { try again.timeline(id) }
            #expect(try leftovers(disk).isEmpty, "operation \(operation)")
            await again.shutDown()
        }
    }
}
