import Glibc
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import StorageSimulation
import TestFixtures
import Testing

@Suite("Control file store")
struct ControlFileStoreTests {
    private let folder = "/timeline"

    @Test func changesArePersistedWithTheOverlay() throws {
        let disk = SimulatedFileSystem(seed: 1)
        let store = try ControlFileStore.create(ControlFileVectors.freshState, in: folder, of: disk)
        #expect(disk.contents(of: folder + "/safekeeper.control") == ControlFileVectors.fresh)
        store.overlay.commitLSN = LSN(0x100)
        store.overlay.backupLSN = LSN(0x80)
        #expect(store.hasUnflushedValues && store.persisted.commitLSN == .invalid)
        try store.change { $0.term = Term(4) }
        #expect(store.persisted.commitLSN == LSN(0x100) && !store.hasUnflushedValues)
        let loaded = try ControlFileStore.load(from: folder, of: disk)
        #expect(loaded.persisted == store.persisted)
        #expect(loaded.persisted.backupLSN == LSN(0x80) && loaded.persisted.term == Term(4))
        let count = disk.operationCount
        try loaded.flush()
        #expect(disk.operationCount == count, "nothing has changed, nothing is to be written")
        try loaded.change { $0.commitLSN = LSN(0x200) }
        #expect(loaded.overlay.commitLSN == LSN(0x200))
    }

    @Test func whatIsThereIsNotMadeAnew() throws {
        let disk = SimulatedFileSystem(seed: 1)
        _ = try ControlFileStore.create(ControlFileVectors.freshState, in: folder, of: disk)
        #expect(throws: ControlFileError.alreadyExists(path: folder + "/safekeeper.control")) {
            try ControlFileStore.create(ControlFileVectors.freshState, in: folder, of: disk)
        }
        #expect(throws: ControlFileError.self) { try ControlFileStore.load(from: "/nothing", of: disk) }
    }

    @Test func syncedUnlessToldNotTo() throws {
        let disk = SimulatedFileSystem(seed: 1)
        let store = try ControlFileStore.create(ControlFileVectors.freshState, in: folder, of: disk, noSync: true)
        try store.change { $0.term = Term(1) }
        _ = try ControlFileStore.load(from: folder, of: disk, noSync: true)
        #expect(disk.synchronizationCount == 0)
        let synced = try ControlFileStore.load(from: folder, of: disk)
        let before = disk.synchronizationCount
        try synced.change { $0.term = Term(2) }
        #expect(disk.synchronizationCount == before + 2)
    }

    @Test("A crash at any operation leaves the old file or the new", arguments: SimulatedFileSystem.Crash.allCases)
    func crashes(crash: SimulatedFileSystem.Crash) throws {
        for seed in 0..<20 as Range<UInt64> {
            var crashOperation = 0
            while true {
                let disk = SimulatedFileSystem(seed: seed)
                let context = Comment(rawValue: "seed \(seed), crash at operation \(crashOperation)")
                disk.crashOperation = crashOperation
                var acknowledged: UInt64?
                var attempted: UInt64 = 0
                do throws(ControlFileError) {
                    let store = try ControlFileStore.create(ControlFileVectors.freshState, in: folder, of: disk)
                    acknowledged = 0
                    for term in 1...4 as ClosedRange<UInt64> {
                        attempted = term
                        try store.change { $0.term = Term(term) }
                        acknowledged = term
                    }
                } catch {}
                let isCrashed = disk.operationCount > crashOperation
                disk.restart(after: crash)
                do throws(ControlFileError) {
                    let loaded = try ControlFileStore.load(from: folder, of: disk)
                    #expect(
                        loaded.persisted.term.rawValue >= acknowledged ?? 0
                            && loaded.persisted.term.rawValue <= attempted,
                        context
                    )
                    try loaded.change { $0.term = Term(9) }
                    disk.restart(after: .powerLoss)
                    #expect(try ControlFileStore.load(from: folder, of: disk).persisted.term == Term(9), context)
                } catch {
                    guard case .storage(let cause) = error, cause.isNotFound, acknowledged == nil else {
                        Issue.record("\(error), \(context)")
                        return
                    }
                }
                if !isCrashed { break }
                crashOperation += 1
            }
            #expect(crashOperation > 15)
        }
    }

    @Test("An error at any operation leaves memory as it was", arguments: [EIO, ENOSPC])
    func errors(code: Int32) throws {
        for operation in 0..<40 {
            let disk = SimulatedFileSystem(seed: UInt64(operation))
            let store = try ControlFileStore.create(ControlFileVectors.freshState, in: folder, of: disk)
            disk.fault = .init(operation: disk.operationCount + operation, count: 3, code: code)
            for term in 1...6 as ClosedRange<UInt64> {
                let before = store.persisted
                do {
                    try store.change { $0.term = Term(term) }
                } catch {
                    #expect(store.persisted == before)
                }
            }
            disk.fault = nil
            try store.change { $0.term = Term(7) }
            disk.restart(after: .powerLoss)
            #expect(
                try ControlFileStore.load(from: folder, of: disk).persisted.term == Term(7),
                "operation \(operation)"
            )
        }
    }

    @Test func aFullDiskHasRoomForTheControlFile() throws {
        let disk = SimulatedFileSystem(seed: 1)
        let store = try ControlFileStore.create(ControlFileVectors.freshState, in: folder, of: disk)
        disk.freeSectors = 0
        for term in 1...50 as ClosedRange<UInt64> { try store.change { $0.term = Term(term) } }
        let loaded = try ControlFileStore.load(from: folder, of: disk)
        #expect(loaded.persisted.term == Term(50))
        try loaded.change { $0.term = Term(51) }
        // What the reserve gave back is used up by something else, and there is space again later.
        disk.freeSectors = 0
        try loaded.change { $0.term = Term(52) }
        disk.freeSectors = 1000
        try loaded.change { $0.term = Term(53) }
        #expect(disk.contents(of: folder + "/safekeeper.control.reserve")?.count == ControlFileStore.reserveSize)
    }

    @Test func aStateTooBigToBeLoadedIsRefused() throws {
        let disk = SimulatedFileSystem(seed: 1)
        let store = try ControlFileStore.create(ControlFileVectors.freshState, in: folder, of: disk)
        let history = try TermHistory((0..<70_000).map { TermLSN(term: Term($0), lsn: LSN($0)) })
        #expect(throws: ControlFileError.self) {
            try store.change { $0.termHistory = history }
        }
        #expect(store.persisted.termHistory.entries.isEmpty)
        #expect(try ControlFileStore.load(from: folder, of: disk).persisted == store.persisted)
    }

    @Test func realFiles() throws {
        let temporary = try TemporaryFolder()
        let store = try ControlFileStore.create(
            try ControlFileVectors.jointState(),
            in: temporary.path,
            of: PosixFileSystem()
        )
        try store.change { $0.term = Term(8) }
        let loaded = try ControlFileStore.load(from: temporary.path, of: PosixFileSystem())
        #expect(loaded.persisted == store.persisted && loaded.persisted.term == Term(8))
        let names = try PosixFileSystem().list(temporary.path).sorted()
        #expect(names == ["safekeeper.control", "safekeeper.control.reserve"])
    }
}
