import PostgresWAL
import SafekeeperServer
import StorageSimulation
import TestFixtures
import Testing

@Suite("WAL store")
struct WALStoreTests {
    private let segmentSize = WALStoreHarness.segmentSize

    @Test func positionsAreKeptApart() throws {
        let harness = try WALStoreHarness(seed: 1)
        try harness.create()
        let store = try harness.opened
        harness.generate(count: 3, maximumSize: 1_000)
        let ends = harness.recordEnds
        #expect(store.positions == WALPositions(allAt: harness.start))
        try harness.write(upTo: ends[1])
        #expect(store.positions.writeLSN == ends[1] && store.positions.writeRecordLSN == ends[1])
        #expect(store.positions.flushLSN == ends[0] && store.positions.flushRecordLSN == ends[0])
        // Into a record: bytes are written that belong to none yet.
        try harness.write(upTo: ends[1] + 20)
        #expect(store.positions.writeLSN == ends[1] + 20 && store.positions.writeRecordLSN == ends[1])
        try harness.flush()
        #expect(store.positions.flushLSN == ends[1] + 20 && store.positions.flushRecordLSN == ends[1])
        // Only the rest of no record: not worth a synchronization.
        let count = harness.disk.synchronizationCount
        try harness.write(upTo: ends[1] + 22)
        try harness.flush()
        #expect(harness.disk.synchronizationCount == count && store.positions.flushLSN == ends[1] + 20)
        try harness.write()
        try harness.flush()
        #expect(store.positions == WALPositions(allAt: ends[3]))
    }

    @Test func aFullSegmentIsFlushedWithoutBeingAsked() throws {
        let harness = try WALStoreHarness(seed: 2)
        try harness.create()
        let store = try harness.opened
        harness.generate(count: 12, maximumSize: 400_000)
        let firstEnd = segmentSize.segmentStart(of: harness.start) + segmentSize.bytes
        try harness.write(upTo: firstEnd + 100)
        #expect(store.positions.flushLSN == firstEnd)
        #expect(store.positions.flushRecordLSN == harness.recordEnds.last { $0 <= firstEnd })
        let names = try harness.files.list()
        #expect(names.map(\.isPartial) == [false, true])
        #expect(names.map(\.segmentNumber) == [16, 17])
    }

    @Test("Synchronizations for each segment", arguments: [false, true])
    func synchronizations(noSync: Bool) throws {
        let harness = try WALStoreHarness(seed: 3)
        let files = SegmentFiles(
            directory: WALStoreHarness.folder,
            of: harness.disk,
            segmentSize: segmentSize,
            noSync: noSync
        )
        let store = try WALStore(opening: files, version: .v16, commitLSN: harness.start)
        try store.truncate(to: harness.start)
        harness.store = store
        let before = harness.disk.synchronizationCount
        while harness.recordEnds.last ?? .invalid < harness.start + 10 * segmentSize.bytes {
            harness.generate(count: 1, maximumSize: 100_000)
        }
        try harness.write(upTo: harness.start + 10 * segmentSize.bytes)
        // One for the full segment's bytes, one for the new one's length, one for the folder.
        #expect(harness.disk.synchronizationCount - before == (noSync ? 0 : 30))
        #expect(noSync ? harness.disk.synchronizationCount == 0 : true)
    }

    @Test func writesOutOfPlaceAreRefused() throws {
        let harness = try WALStoreHarness(seed: 4)
        let start = harness.start
        let unready = try WALStore(opening: harness.files, version: .v16, commitLSN: .invalid)
        #expect(unready.positions == WALPositions(allAt: .invalid))
        let bytes: [UInt8] = [1, 2, 3]
        #expect(throws: WALStoreError.truncationPending(writeLSN: .invalid, lsn: start)) {
            try unready.write(bytes.span.bytes, at: start)
        }
        try harness.create()
        let store = try harness.opened
        #expect(throws: WALStoreError.gap(writeLSN: start, lsn: start + 8)) {
            try store.write(bytes.span.bytes, at: start + 8)
        }
        #expect(throws: WALStoreError.rewrite(writeLSN: start, lsn: start - 8)) {
            try store.write(bytes.span.bytes, at: start - 8)
        }
        try store.write([UInt8]().span.bytes, at: start)
        #expect(throws: WALStoreError.truncationBeyondEnd(writeRecordLSN: start, end: start + 8)) {
            try store.truncate(to: start + 8)
        }
        #expect(throws: WALStoreError.invalidPosition(start - 1)) { try store.truncate(to: start - 1) }
        #expect(throws: WALStoreError.invalidPosition(.invalid)) { try store.truncate(to: .invalid) }
        #expect(throws: WALStoreError.alreadyInitialised(writeLSN: start)) {
            try store.initializeFirstSegment(at: start, systemIdentifier: 1)
        }
        #expect(throws: WALStoreError.invalidPosition(LSN(.max - 7))) {
            try WALStore(opening: harness.files, version: .v16, commitLSN: LSN(.max - 7))
        }
    }

    @Test func brokenWALMustBeTruncatedAway() throws {
        let harness = try WALStoreHarness(seed: 5)
        try harness.create()
        try harness.append(count: 3, maximumSize: 1_000)
        let store = try harness.opened
        let end = store.positions.writeLSN
        let garbage = [UInt8](repeating: 0xFF, count: 100)
        #expect(throws: WALStoreError.self) { try store.write(garbage.span.bytes, at: end) }
        #expect(store.isTruncationPending && store.positions.writeRecordLSN == end)
        #expect(throws: WALStoreError.truncationPending(writeLSN: end + 100, lsn: end + 100)) {
            try store.write(garbage.span.bytes, at: end + 100)
        }
        try harness.flush()
        try harness.truncate(to: end)
        try harness.append(count: 3, maximumSize: 1_000)
        try harness.reopen(after: .kill)
    }

    @Test func truncatingWhereNothingIsToBeCutTouchesNoFile() throws {
        let harness = try WALStoreHarness(seed: 6)
        try harness.create()
        try harness.append(count: 3, maximumSize: 1_000)
        let count = harness.disk.operationCount
        let store = try harness.opened
        try store.truncate(to: store.positions.writeLSN)
        #expect(harness.disk.operationCount == count)
    }

    @Test func aSwitchedSegmentIsCompletedAfterARestart() throws {
        let harness = try WALStoreHarness(seed: 7)
        try harness.create()
        harness.generate(count: 2, maximumSize: 1_000)
        harness.generateSwitch()
        let last = try #require(harness.records.last)
        try harness.write(upTo: last.end)
        try harness.flush()
        #expect(try harness.opened.positions.flushRecordLSN == last.next)
        #expect(try harness.opened.positions.flushLSN == last.end)
        try harness.reopen(after: .powerLoss)
        #expect(try harness.opened.positions == WALPositions(allAt: last.next))
        try harness.truncate(to: last.next)
        #expect(try harness.files.list().map(\.isPartial) == [false, true])
        try harness.proveUsable()
    }

    @Test func removalKeepsWhatIsNeeded() throws {
        let harness = try WALStoreHarness(seed: 8)
        try harness.create()
        while harness.recordEnds.last ?? .invalid < harness.start + 5 * segmentSize.bytes {
            harness.generate(count: 1, maximumSize: 100_000)
        }
        try harness.write()
        try harness.flush()
        let horizon = try #require(harness.recordEnds.last { $0 <= harness.start + 2 * segmentSize.bytes })
        let first = segmentSize.segmentNumber(of: horizon)
        #expect(try harness.files.removeSegments(before: horizon) == 2)
        #expect(try harness.files.removeSegments(before: horizon) == 0)
        #expect(try harness.files.list().first?.segmentNumber == first)
        #expect(throws: WALStoreError.self) { try harness.read(1, at: harness.start) }
        let end = try harness.opened.positions.flushRecordLSN
        let again = try WALStore(opening: harness.files, version: .v16, commitLSN: horizon)
        #expect(again.positions.flushRecordLSN == end)
    }

    @Test("Random operations against a model", arguments: 0..<40 as Range<UInt64>)
    func randomOperations(seed: UInt64) throws {
        let harness = try WALStoreHarness(seed: seed)
        do {
            try harness.create()
            for _ in 0..<40 {
                switch Int.random(in: 0..<20, using: &harness.random) {
                case 0..<10:
                    harness.generate(count: Int.random(in: 1...5, using: &harness.random), maximumSize: 90_000)
                    try harness.write()
                case 10..<14: try harness.flush()
                case 14: harness.generateSwitch()
                case 15..<17:
                    let end = try harness.opened.positions.writeRecordLSN
                    let ends = harness.recordEnds.filter { $0 <= end }.suffix(12)
                    try harness.truncate(to: try #require(ends.randomElement(using: &harness.random)))
                case 17..<19:
                    let crash = SimulatedFileSystem.Crash.allCases.randomElement(using: &harness.random) ?? .kill
                    try harness.reopen(after: crash)
                    try harness.truncate(to: try harness.opened.positions.flushRecordLSN)
                default:
                    try harness.check(upTo: try harness.opened.positions.writeRecordLSN)
                }
            }
            try harness.write()
            try harness.flush()
            try harness.check(upTo: try harness.opened.positions.flushRecordLSN)
        } catch {
            Issue.record("seed \(seed): \(error)")
        }
    }
}
