import Glibc
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import StorageSimulation
import Synchronization
import Testing

@Suite("A full disk")
struct FullDiskTests {
    private let id = TenantTimelineID(1, 2)

    @Test("WAL is refused, nothing answered is lost, and it goes on without a restart once there is space")
    func wal() async throws {
        let (safekeeper, files) = try TestSafekeeper.onDisk()
        let isFull = Mutex(false)
        files.intercept { operation, path throws(StorageError) in
            guard [.write, .setLength, .preallocate, .makeDirectory].contains(operation) else { return }
            // The control file has a reserve of its own.
            guard !path.contains("safekeeper.control"), isFull.withLock({ $0 }) else { return }
            throw StorageError(operation: operation, path: path, code: ENOSPC)
        }
        var answered = LSN.invalid
        for round in 0..<10 {
            let proposer = try TestProposer(safekeeper, id)
            let start = try await proposer.elect()
            #expect(start >= answered, "round \(round)")
            for _ in 0..<20 { answered = try await proposer.response(flushed: proposer.append(5000)).flush }
            isFull.withLock { $0 = true }
            // In the last round in the middle of a stream.
            for _ in 0..<(round == 9 ? 100 : 1) { proposer.append(5000) }
            let error = await #expect(throws: WALAcceptorError.self) { try await proposer.ending.value.get() }
            #expect(error.map { "\($0)".hasSuffix("No space left on device") } == true)
            while let response = try? await proposer.response() { answered = response.flush }
            // Meanwhile it can still be asked, and vote.
            #expect(try safekeeper.registry.timeline(id).watch.current.flushLSN >= answered)
            let voter = try TestProposer(safekeeper, id)
            voter.send(voter.greeting())
            guard case .greeting(let greeting) = try await voter.answer() else { throw TestProposer.NoAnswer() }
            voter.send(.voteRequest(VoteRequest(generation: .invalid, term: Term(greeting.term.rawValue + 1))))
            guard case .voteResponse(let vote) = try await voter.answer() else { throw TestProposer.NoAnswer() }
            #expect(vote.voteGiven && vote.flush >= answered, "round \(round)")
            #expect(try await voter.finish() == .finished)
            isFull.withLock { $0 = false }
        }
        let last = try TestProposer(safekeeper, id)
        try await last.elect()
        try await last.response(flushed: last.append(100))
        #expect(try await last.finish() == .finished)
        #expect(safekeeper.metrics.value("safekeeper_wal_disk_io_errors") >= 10)
        await safekeeper.registry.shutDown()
    }

    @Test func creationIsRefusedAndDeletionIsNot() async throws {
        let (safekeeper, files) = try TestSafekeeper.onDisk()
        _ = try await safekeeper.registry.create(id, for: TestSafekeeper.server)
        let isFull = Mutex(true)
        // Not even a tombstone can be made until a file has gone.
        files.intercept { operation, path throws(StorageError) in
            if operation == .removeDirectory { isFull.withLock { $0 = false } }
            let isNew = operation == .makeDirectory || operation == .open && path.contains("tombstones")
            let isMove = operation == .rename && path.hasSuffix("\(id.timeline)")
            guard (isNew || isMove) && isFull.withLock({ $0 }) else { return }
            throw StorageError(operation: operation, path: path, code: ENOSPC)
        }
        let other = TenantTimelineID(1, 3)
        let error = await #expect(throws: TimelineError.self) {
            try await safekeeper.registry.create(other, for: TestSafekeeper.server)
        }
        if case .storage(other, let cause)? = error {
            #expect(cause.isOutOfSpace)
        } else {
            Issue.record("\(error as Any)")
        }
        #expect(throws: TimelineError.notFound(other)) { try safekeeper.registry.timeline(other) }
        #expect(try await safekeeper.registry.delete(id))
        #expect(throws: TimelineError.deleted(id)) { try safekeeper.registry.timeline(id) }
        _ = try await safekeeper.registry.create(other, for: TestSafekeeper.server)
        await safekeeper.registry.shutDown()
        let again = TestSafekeeper(PosixFileSystem(), path: safekeeper.directory.path)
        try await again.registry.load()
        #expect(throws: TimelineError.deleted(id)) { try again.registry.timeline(id) }
        #expect(again.registry.timelines.map(\.id) == [other])
        await again.registry.shutDown()
    }
}
