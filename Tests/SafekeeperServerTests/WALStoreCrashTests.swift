import Glibc
import PostgresWAL
import SafekeeperServer
import StorageSimulation
import Testing

/// What a store is doing when the process ends or the disk fails.
enum StoreScenario: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case create
    case append
    case appendAcrossSegments
    case segmentSwitch
    case switchAndReconnect
    case truncateInSegment
    case truncateAcrossSegments
    case truncateAndRewrite

    var testDescription: String { rawValue }

    /// Runs until something is thrown.
    func run(_ harness: WALStoreHarness) throws {
        try harness.create()
        switch self {
        case .create: break
        case .append:
            for _ in 0..<4 { try harness.append(count: 3, maximumSize: 2_000) }
        case .appendAcrossSegments:
            for _ in 0..<4 { try harness.append(count: 3, maximumSize: 200_000) }
        case .segmentSwitch:
            try harness.append(count: 2, maximumSize: 3_000)
            harness.generateSwitch()
            try harness.append(count: 2, maximumSize: 3_000)
        case .switchAndReconnect:
            try harness.append(count: 2, maximumSize: 3_000)
            harness.generateSwitch()
            // Up to the end of the switch record: the rest of its segment never arrives.
            let end = try #require(harness.records.last)
            try harness.write(upTo: end.end)
            try harness.flush()
            try harness.truncate(to: end.next)
            try harness.append(count: 3, maximumSize: 3_000)
        case .truncateInSegment:
            try harness.append(count: 6, maximumSize: 3_000)
            try harness.truncate(to: harness.recordEnds[3])
            try harness.truncate(to: harness.recordEnds[1])
        case .truncateAcrossSegments:
            try harness.append(count: 12, maximumSize: 200_000)
            try harness.truncate(to: harness.recordEnds[3])
        case .truncateAndRewrite:
            try harness.append(count: 10, maximumSize: 200_000)
            try harness.truncate(to: harness.recordEnds[2])
            try harness.append(count: 4, maximumSize: 200_000)
            try harness.truncate(to: harness.recordEnds[1])
            try harness.append(count: 1, maximumSize: 100)
        }
    }
}

extension WALStoreHarness {
    func append(count: Int, maximumSize: Int) throws {
        generate(count: count, maximumSize: maximumSize)
        try write()
        try flush()
    }
}

@Suite("WAL store: crashes and errors at every operation")
struct WALStoreCrashTests {
    private static let seeds: Range<UInt64> = 0..<3

    @Test("Crashes", arguments: StoreScenario.allCases, SimulatedFileSystem.Crash.allCases)
    func crashes(scenario: StoreScenario, crash: SimulatedFileSystem.Crash) throws {
        for seed in Self.seeds {
            var operation = 0
            while true {
                let harness = try WALStoreHarness(seed: seed)
                harness.disk.crashOperation = operation
                do {
                    var isFinished = true
                    do {
                        try scenario.run(harness)
                    } catch let error as WALStoreError {
                        isFinished = false
                        guard case .storage(let cause) = error, cause.code == SimulatedFileSystem.crashed else {
                            throw error
                        }
                    }
                    try harness.reopen(after: crash)
                    try harness.proveUsable()
                    if isFinished { break }
                } catch {
                    Issue.record("\(scenario), seed \(seed), \(crash) at operation \(operation): \(error)")
                    return
                }
                operation += 1
            }
            #expect(operation > 10)
        }
    }

    @Test("Errors, then a restart", arguments: StoreScenario.allCases, [EIO, ENOSPC])
    func errorsThenRestart(scenario: StoreScenario, code: Int32) throws {
        try sweepErrors(scenario, code: code, count: 1) { harness in
            try harness.reopen(after: .powerLoss)
            try harness.proveUsable()
        }
    }

    /// A failed synchronization leaves bytes that the system shows to the next process, but never writes.
    @Test("Errors, then a killed process, then a power loss", arguments: StoreScenario.allCases, [EIO, ENOSPC])
    func errorsThenKillThenPowerLoss(scenario: StoreScenario, code: Int32) throws {
        try sweepErrors(scenario, code: code, count: 1) { harness in
            try harness.reopen(after: .kill)
            try harness.reopen(after: .powerLoss)
            try harness.proveUsable()
        }
    }

    @Test("Errors, then an election without a restart", arguments: StoreScenario.allCases, [EIO, ENOSPC])
    func errorsThenElection(scenario: StoreScenario, code: Int32) throws {
        try sweepErrors(scenario, code: code, count: 1 << 30) { harness in
            // A vote flushes first; with the disk still failing it may fail, but a later one must not.
            if let store = harness.store { try? store.flush() }
            harness.disk.fault = nil
            if let store = harness.store, store.positions.writeLSN.isValid {
                let flushed = store.positions.flushRecordLSN
                try store.flush()
                #expect(store.positions.flushRecordLSN >= flushed)
            } else {
                try harness.create()
            }
            try harness.proveUsable()
        }
    }

    private func sweepErrors(
        _ scenario: StoreScenario,
        code: Int32,
        count: Int,
        _ recover: (WALStoreHarness) throws -> Void
    ) throws {
        for seed in Self.seeds {
            var operation = 0
            while true {
                let harness = try WALStoreHarness(seed: seed)
                harness.disk.fault = .init(operation: operation, count: count, code: code)
                do {
                    var hasFailed = false
                    do {
                        try scenario.run(harness)
                    } catch is WALStoreError {
                        hasFailed = true
                    }
                    let total = harness.disk.operationCount
                    try recover(harness)
                    if total <= operation && !hasFailed { break }
                } catch {
                    Issue.record("\(scenario), seed \(seed), error \(code) at operation \(operation): \(error)")
                    return
                }
                operation += 1
            }
        }
    }

    @Test("A full disk refuses writes, and space makes them go on", arguments: 0..<20 as Range<UInt64>)
    func fullDisk(seed: UInt64) throws {
        let harness = try WALStoreHarness(seed: seed)
        try harness.create()
        try harness.append(count: 2, maximumSize: 10_000)
        harness.generate(count: 12, maximumSize: 400_000)
        harness.disk.freeSectors = Int.random(in: 0..<3_000, using: &harness.random)
        for _ in 0..<5 {
            do {
                try harness.write()
            } catch let error as WALStoreError {
                guard case .storage(let cause) = error, cause.isOutOfSpace else { throw error }
            }
            try harness.flush()
        }
        harness.disk.freeSectors = .max
        // The same connection goes on: no election, no restart.
        try harness.write()
        try harness.flush()
        #expect(try harness.opened.positions.flushRecordLSN == harness.recordEnds.last, "seed \(seed)")
        try harness.reopen(after: .powerLoss)
        try harness.proveUsable()
    }

    @Test func preallocatedSegmentsFillUpOnlyWhenTheyAreMade() throws {
        let harness = try WALStoreHarness(seed: 1)
        harness.allocation = .preallocated
        try harness.create()
        harness.disk.freeSectors = 0
        harness.generate(count: 1, maximumSize: 1)
        harness.generateSwitch()
        // The segment is there to its end, so all of it can be written.
        try harness.write()
        try harness.flush()
        harness.generate(count: 1, maximumSize: 1)
        #expect(throws: WALStoreError.self) { try harness.write() }
        harness.disk.freeSectors = .max
        try harness.write()
        try harness.flush()
        try harness.reopen(after: .powerLoss)
    }
}
