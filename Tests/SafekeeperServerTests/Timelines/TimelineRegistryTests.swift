import Foundation
import Logging
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity
import StorageSimulation
import TestFixtures
import Testing

@Suite("The timelines of a safekeeper")
struct TimelineRegistryTests {
    private let id = TenantTimelineID(1, 2)

    private func contents(_ id: TenantTimelineID, generation: UInt32 = 0) throws -> ControlFile {
        var contents = ControlFile(tenantID: id.tenant, timelineID: id.timeline, server: TestSafekeeper.server)
        if generation > 0 {
            let member = try SafekeeperMember(id: SafekeeperID(7), host: "sk-7", port: 5454)
            contents.membership = try MembershipConfiguration(
                generation: Generation(generation),
                members: try MemberSet([member])
            )
        }
        return contents
    }

    @Test func texts() {
        let texts: [(TimelineError, String)] = [
            (.notFound(id), "was not found in global map"), (.deleted(id), "has been deleted"),
            (.creationInProgress(id), "creation is in progress"),
            (.cancelled(id), "was cancelled and cannot be used anymore"), (.alreadyExists(id), "is already exists"),
            (.existsOnDisk(id), "exists on disk, but wasn't loaded on startup"),
            (.notInitialized(id, .serverVersion(0)), "is not initialized, pg_version is unknown"),
            (.notInitialized(id, .segmentSize(0)), "is not initialized, wal_seg_size is zero"),
        ]
        for (error, text) in texts {
            let name = "00000000000000000000000000000001/00000000000000000000000000000002"
            #expect("\(error)" == "Timeline \(name) \(text)")
        }
    }

    @Test func aTimelinesLife() async throws {
        let (safekeeper, _) = try TestSafekeeper.onDisk()
        let registry = safekeeper.registry
        #expect(try await registry.load() == 0)
        #expect(throws: TimelineError.notFound(id)) { try registry.timeline(id) }
        let timeline = try await registry.create(id, for: TestSafekeeper.server)
        #expect(try registry.timeline(id) === timeline)
        #expect(try await registry.create(id, for: TestSafekeeper.server) === timeline)
        #expect(safekeeper.metrics.value("safekeeper_timelines") == 1)
        #expect(FileManager.default.fileExists(atPath: timeline.folder.path + "/safekeeper.control"))
        let temporary = try await registry.makeTemporaryFolder(for: id)
        await #expect(throws: TimelineError.alreadyExists(id)) {
            try await registry.install(temporary, as: id, generation: Generation(0))
        }
        #expect(!FileManager.default.fileExists(atPath: temporary))
        #expect(try await registry.delete(id))
        #expect(!FileManager.default.fileExists(atPath: timeline.folder.path))
        #expect(throws: TimelineError.deleted(id)) { try registry.timeline(id) }
        await #expect(throws: TimelineError.deleted(id)) { try await registry.create(id, for: TestSafekeeper.server) }
        await #expect(throws: TimelineError.cancelled(id)) { try await timeline.withUse {} }
        await #expect(throws: TimelineError.cancelled(id)) { try await timeline.control() }
        #expect(try await registry.delete(id) == false)
        #expect(safekeeper.metrics.value("safekeeper_timelines") == 0)
        #expect(safekeeper.metrics.names.allSatisfy { $0 != "safekeeper_commit_lsn" })
        await registry.shutDown()
    }

    @Test("What is deleted stays deleted after a restart, unless a later generation brings it back")
    func tombstones() async throws {
        let folder = try TemporaryFolder()
        func start() async throws -> TestSafekeeper {
            let safekeeper = TestSafekeeper(PosixFileSystem(), path: folder.path)
            try await safekeeper.registry.load()
            return safekeeper
        }
        let excluded = TenantTimelineID(1, 3)
        let ofTenant = TenantTimelineID(9, 1)
        var safekeeper = try await start()
        for id in [id, excluded, ofTenant] { _ = try await safekeeper.registry.create(id, for: TestSafekeeper.server) }
        try await safekeeper.registry.delete(id)
        try await safekeeper.registry.delete(excluded, generation: Generation(5))
        try await safekeeper.registry.delete(ofTenant.tenant)
        await safekeeper.registry.shutDown()

        safekeeper = try await start()
        let registry = safekeeper.registry
        #expect(registry.timelines.isEmpty)
        #expect(throws: TimelineError.deleted(id)) { try registry.timeline(id) }
        for (id, generation) in [(id, 0), (id, 9), (excluded, 0), (excluded, 4), (excluded, 5), (ofTenant, 9)] {
            await #expect(throws: TimelineError.deleted(id), "\(id) \(generation)") {
                try await registry.create(try contents(id, generation: UInt32(generation)))
            }
        }
        await #expect(throws: TimelineError.deleted(TenantTimelineID(9, 2))) {
            try await registry.create(try contents(TenantTimelineID(9, 2), generation: 1))
        }
        _ = try await registry.create(try contents(excluded, generation: 6))
        await registry.shutDown()

        safekeeper = try await start()
        #expect(safekeeper.registry.timelines.map(\.id) == [excluded])
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path(of: "tombstones")).sorted()
        #expect(
            names
                == ["\(id.tenant)_\(id.timeline)", "\(ofTenant.tenant)", "\(ofTenant.tenant)_\(ofTenant.timeline)"]
                .sorted()
        )
        #expect(!FileManager.default.fileExists(atPath: folder.path(of: "\(ofTenant.tenant)")))
        await safekeeper.registry.shutDown()
    }

    @Test("A folder that can't be loaded is kept, reported and never written over")
    func unreadable() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path(of: "\(id.tenant)/\(id.timeline)")
        for path in [path, folder.path(of: "tmp/leftover/deeper"), folder.path(of: "no-tenant/x")] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        try folder.write([1, 2, 3], to: "\(id.tenant)/\(id.timeline)/safekeeper.control")
        let safekeeper = TestSafekeeper(PosixFileSystem(), path: folder.path)
        _ = try await safekeeper.registry.load()
        #expect(safekeeper.registry.timelines.isEmpty)
        #expect(Array(safekeeper.registry.unreadable.keys) == [id])
        let line = "failed to load timeline \(id.timeline) for tenant \(id.tenant), reason: "
        #expect(safekeeper.log.lines.contains { $0.level == .error && $0.message.hasPrefix(line) })
        #expect(
            safekeeper.log.lines.contains {
                $0.message == "found 1 tenants directories, successfully loaded 0 timelines"
            }
        )
        #expect(throws: TimelineError.notFound(id)) { try safekeeper.registry.timeline(id) }
        await #expect(throws: TimelineError.existsOnDisk(id)) {
            try await safekeeper.registry.create(id, for: TestSafekeeper.server)
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path(of: "tmp")))
        #expect(try Data(contentsOf: URL(fileURLWithPath: path + "/safekeeper.control")) == Data([1, 2, 3]))
        // A folder that came while the safekeeper was running.
        let other = TenantTimelineID(1, 3)
        let otherPath = folder.path(of: "\(other.tenant)/\(other.timeline)")
        try FileManager.default.createDirectory(atPath: otherPath, withIntermediateDirectories: true)
        await #expect(throws: TimelineError.existsOnDisk(other)) {
            try await safekeeper.registry.create(other, for: TestSafekeeper.server)
        }
        // Deleting gets rid of both.
        for id in [id, other] { #expect(try await safekeeper.registry.delete(id)) }
        #expect(safekeeper.registry.unreadable.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: path))
        await safekeeper.registry.shutDown()
    }

    @Test(
        "What can't be is not made",
        arguments: [
            (0, 1 << 24, "pg_version is unknown"), (150_010, 0, "wal_seg_size is zero"),
            (190_000, 1 << 24, "pg_version"),
            (150_010, 12345, "wal_seg_size"),
        ] as [(UInt32, UInt32, String)]
    )
    func impossible(version: UInt32, segmentSize: UInt32, text: String) async throws {
        let (safekeeper, _) = try TestSafekeeper.onDisk()
        let server = ControlFile.Server(versionNumber: version, systemIdentifier: 1, segmentSize: segmentSize)
        let error = await #expect(throws: TimelineError.self) { try await safekeeper.registry.create(id, for: server) }
        #expect(error.map { "\($0)".contains("is not initialized, \(text)") } == true)
        #expect(throws: TimelineError.notFound(id)) { try safekeeper.registry.timeline(id) }
        let temporary = safekeeper.directory.path + "/tmp"
        #expect(try FileManager.default.contentsOfDirectory(atPath: temporary).isEmpty)
        _ = try await safekeeper.registry.create(id, for: TestSafekeeper.server)
        await safekeeper.registry.shutDown()
    }
}

extension TimelineRegistryTests {
    @Test func madeWithAStart() async throws {
        let (safekeeper, _) = try TestSafekeeper.onDisk()
        let registry = safekeeper.registry
        let start = TestProposer.start
        let membership = try contents(id, generation: 3).membership
        await #expect(throws: TimelineError.commitBeforeStart(id, commit: start, start: start + 8)) {
            try await registry.create(
                id,
                for: TestSafekeeper.server,
                membership: membership,
                start: start + 8,
                commit: start
            )
        }
        let timeline = try await registry.create(
            id,
            for: TestSafekeeper.server,
            membership: membership,
            start: start,
            commit: start
        )
        let control = try await timeline.control()
        #expect(control.membership == membership && control.term == .initial && control.remoteConsistentLSN == .invalid)
        #expect(control.termHistory.entries == [TermLSN(term: .initial, lsn: start)])
        for lsn in [
            control.timelineStartLSN, control.localStartLSN, control.commitLSN, control.backupLSN,
            control.peerHorizonLSN,
        ] { #expect(lsn == start) }
        let snapshot = timeline.watch.current
        #expect(snapshot.flushLSN == start && snapshot.commitLSN == start && snapshot.generation == Generation(3))
        #expect(snapshot.unsavedDistance == nil)
        // A proposer goes on from there.
        let proposer = try TestProposer(safekeeper, id, allowsCreation: false)
        #expect(try await proposer.elect() == start)
        try await proposer.response(flushed: proposer.append(100))
        #expect(try await proposer.finish() == .finished)
        await registry.shutDown()
    }

    @Test("State is changed on the timeline's thread, and others see what has become of it")
    func state() async throws {
        let (safekeeper, _) = try TestSafekeeper.onDisk()
        let timeline = try await safekeeper.registry.create(try contents(id, generation: 3))
        let term = try await timeline.withState { try $0.bumpTerm(to: Term(9)).current }
        #expect(term == Term(9) && timeline.watch.current.term == Term(9))
        try await timeline.withState { $0.raise(remoteConsistent: LSN(77)) }
        #expect(timeline.watch.current.remoteConsistentLSN == LSN(77))
        #expect(timeline.watch.current.unsavedDistance == 77)
        await safekeeper.registry.shutDown()
        await #expect(throws: TimelineError.cancelled(id)) { try await timeline.withState { $0.commitLSN } }
    }
}

// MARK: - Races

extension TimelineRegistryTests {
    @Test("Creations, installations and deletions of a few ids at once: each is one thing at a time", arguments: 0..<10)
    func race(seed: UInt64) async throws {
        let (safekeeper, _) = try TestSafekeeper.onDisk()
        let registry = safekeeper.registry
        let ids = (1...3).map { TenantTimelineID(1, $0) }
        await withTaskGroup { group in
            for number in 0..<12 {
                group.addTask {
                    var random = SeededGenerator(seed: seed &* 100 &+ UInt64(number))
                    for _ in 0..<6 {
                        let id = ids[Int.random(in: 0..<ids.count, using: &random)]
                        do {
                            if random.chance(2, in: 3) {
                                let generation = UInt32.random(in: 1...100, using: &random)
                                let timeline = try await registry.create(try contents(id, generation: generation))
                                #expect(timeline.id == id)
                            } else {
                                try await registry.delete(
                                    id,
                                    generation: Generation(UInt32.random(in: 1...50, using: &random))
                                )
                            }
                        } catch let error as TimelineError {
                            switch error {
                            case .creationInProgress(id), .cancelled(id), .deleted(id): break
                            default: Issue.record("seed \(seed): \(error)")
                            }
                        } catch {
                            Issue.record("seed \(seed): \(error)")
                        }
                    }
                }
            }
        }
        // What is active has its folder, and the other way round.
        for id in ids {
            let isActive = (try? registry.timeline(id)) != nil
            let path = safekeeper.directory.path + "/\(id.tenant)/\(id.timeline)"
            #expect(FileManager.default.fileExists(atPath: path) == isActive, "seed \(seed)")
        }
        #expect(safekeeper.metrics.value("safekeeper_timelines") == Double(registry.timelines.count))
        await registry.shutDown()
    }

    @Test("Many want the same timeline at once: one makes it, the others get it or have to wait")
    func oneWins() async throws {
        for _ in 0..<20 {
            let (safekeeper, files) = try TestSafekeeper.onDisk()
            let timelines = await withTaskGroup(of: ObjectIdentifier?.self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        do throws(TimelineError) {
                            return ObjectIdentifier(
                                try await safekeeper.registry.create(id, for: TestSafekeeper.server)
                            )
                        } catch {
                            #expect(error == .creationInProgress(id))
                            return nil
                        }
                    }
                }
                return await group.reduce(into: Set()) { $0.formUnion([$1].compactMap(\.self)) }
            }
            #expect(timelines.count == 1)
            // The folder below tmp.
            #expect(files.count(.rename) == 2)
            await safekeeper.registry.shutDown()
        }
    }

    @Test func whoDeletesTheSameTimelineWaitsForTheSameDeletion() async throws {
        let (safekeeper, _) = try TestSafekeeper.onDisk()
        let timeline = try await safekeeper.registry.create(id, for: TestSafekeeper.server)
        let (signals, go) = AsyncStream.makeStream(of: Void.self)
        let user = Task {
            try await timeline.withUse {
                // Stubborn: it goes when it wants to, not when it is told to.
                await Task { for await _ in signals { break } }.value
            }
        }
        try await eventually("the timeline is used") { timeline.gate.userCount == 1 }
        let first = Task { try await safekeeper.registry.delete(id) }
        try await eventually("the deletion has begun") { timeline.gate.isCancelled }
        let second = Task { try await safekeeper.registry.delete(id) }
        // The one who asked first has gone away meanwhile; that changes nothing.
        first.cancel()
        #expect(throws: TimelineError.cancelled(id)) { try safekeeper.registry.timeline(id) }
        await #expect(throws: TimelineError.cancelled(id)) {
            try await safekeeper.registry.create(id, for: TestSafekeeper.server)
        }
        try await eventually("the wait is told") {
            safekeeper.log.lines.contains { $0.message.contains("waiting for its users") && $0.timeline == "\(id)" }
        }
        #expect(FileManager.default.fileExists(atPath: timeline.folder.path))
        go.yield()
        _ = try? await user.value
        #expect(try await second.value)
        #expect(try await first.value)
        #expect(!FileManager.default.fileExists(atPath: timeline.folder.path))
        await safekeeper.registry.shutDown()
    }
}
