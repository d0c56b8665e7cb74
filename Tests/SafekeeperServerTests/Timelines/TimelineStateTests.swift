import Glibc
import InterpretedWAL
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity
import StorageSimulation
import TestFixtures
import Testing

@Suite("A timeline's state on simulated files")
struct TimelineStateTests {
    private let folder = "/timeline"
    private let settings = TimelineState.Settings(node: SafekeeperID(7))
    private let start = LSN(0x14E_E150)

    private func create(on disk: SimulatedFileSystem, _ contents: ControlFile? = nil) throws -> TimelineState {
        let contents = contents ?? ControlFileVectors.freshState
        try TimelineState.create(contents, in: folder, of: disk, settings: settings)
        return try load(disk)
    }

    private func load(_ disk: SimulatedFileSystem) throws -> TimelineState {
        try TimelineState(loading: folder, of: disk, settings: settings)
    }

    private func encoded(_ message: AcceptorMessage) -> [UInt8] {
        var output = OutputBuffer()
        message.encode(into: &output, version: .v3)
        return output.array
    }

    private func wal(count: Int, from start: LSN) throws -> [WALGenerator<LogicalMessageSource>.Element] {
        var generator = try WALGenerator(
            LogicalMessageSource(),
            version: .v15,
            systemIdentifier: 0x0123_4567_89AB_CDEF,
            startingAt: start
        )
        return (0..<count).map { _ in
            generator.append(WALRecordContents(resourceManager: .logicalMessage, info: 0, mainData: [1, 2, 3]))
        }
    }

    private func append(
        _ record: WALGenerator<LogicalMessageSource>.Element,
        to state: TimelineState,
        at begin: LSN,
        term: UInt64
    ) throws -> AcceptorMessage? {
        let bytes = record.bytes
        let message = Message.append(term, begin, bytes: UInt64(bytes.count))
        return try state.process(message, wal: bytes.span.bytes)
    }

    @Test("The bootstrap of the sheet, byte for byte")
    func bootstrap() throws {
        let disk = SimulatedFileSystem(seed: 1)
        let state = try create(on: disk)
        /// Sends what is in hexadecimal, gives the answer.
        func exchange(_ text: String) throws -> [UInt8]? {
            let bytes = [UInt8](hex: text)
            let message = try ProposerMessage(decoding: bytes.span.bytes, version: .v3)
            return try state.process(message, wal: RawSpan()).map(encoded)
        }
        let greeting = """
            673030313132323333343435353636373738383939616162626363646465656666006666656564646363626261613939
            38383737363635353434333332323131303000000000000000000000000000000249fa0123456789abcdef01000000
            """
        #expect(try exchange(greeting) == hex("6700000000000000070000000000000000000000000000000000000000"))
        #expect(
            try exchange("76000000000000000000000001")
                == hex("76000000000000000000000001010000000000000000000000000000000000000000")
        )
        let elected = "6500000000000000000000000100000000014ee15000000001000000000000000100000000014ee150"
        #expect(try exchange(elected) == nil)
        let control = state.persisted
        #expect(control.timelineStartLSN == start && control.localStartLSN == start && control.commitLSN == start)
        #expect(control.term == Term(1) && control.termHistory.entries == [TermLSN(term: Term(1), lsn: start)])
        let first = "6100000000000000000000000100000000014ee15000000000014ee150000000000000000000000000014ee150"
        #expect(try exchange(first) == nil)
        #expect(
            encoded(.appendResponse(try state.flush()))
                == hex(
                    """
                    6100000000000000000000000100000000014ee15000000000014ee15000000000000000000000000000000000000000000000
                    0000
                    """
                )
        )
        // The first segment has the headers that tools want.
        let segment = try #require(disk.contents(of: folder + "/000000010000000000000001.partial"))
        #expect(segment.count == 16 << 20)
        #expect(
            Array(segment.prefix(40))
                == hex("10d102000100000000000001000000000000000000000000efcdab89674523010000000100200000")
        )
        #expect(Array(segment[0x4EE000..<0x4EE018]) == hex("10d101000100000000e04e01000000003801000000000000"))
    }

    @Test("One vote in a term, also across a restart", arguments: SimulatedFileSystem.Crash.allCases)
    func voting(crash: SimulatedFileSystem.Crash) throws {
        let disk = SimulatedFileSystem(seed: 1)
        let state = try create(on: disk)
        func isGiven(_ state: TimelineState, _ term: UInt64) throws -> Bool {
            guard case .voteResponse(let vote)? = try state.process(Message.vote(term), wal: RawSpan()) else {
                throw AcceptorError.emptyHistory(term: Term(term))
            }
            return vote.voteGiven
        }
        #expect(throws: AcceptorError.self) { try state.process(Message.vote(1, generation: 2), wal: RawSpan()) }
        #expect(try isGiven(state, 1))
        #expect(try !isGiven(state, 1))
        disk.restart(after: crash)
        let again = try load(disk)
        #expect(try !isGiven(again, 1))
        #expect(try isGiven(again, 2))
    }

    @Test("Gaps, rewrites and WAL of another generation are refused")
    func order() throws {
        let state = try create(on: SimulatedFileSystem(seed: 1))
        _ = try state.process(try Message.elected(2, start: start, history: [(2, start)]), wal: RawSpan())
        let records = try wal(count: 3, from: start)
        #expect(try append(records[0], to: state, at: start, term: 2) == nil)
        #expect(throws: AcceptorError.store(.rewrite(writeLSN: records[1].start, lsn: start))) {
            try append(records[0], to: state, at: start, term: 2)
        }
        #expect(throws: AcceptorError.store(.gap(writeLSN: records[1].start, lsn: records[2].start))) {
            try append(records[2], to: state, at: records[2].start, term: 2)
        }
        #expect(throws: AcceptorError.appendGeneration(request: Generation(1), own: .invalid)) {
            try state.process(Message.append(2, records[1].start, generation: 1), wal: RawSpan())
        }
        #expect(try append(records[1], to: state, at: records[1].start, term: 2) == nil)
        #expect(try state.flush().flush == records[2].start)
    }

    @Test("A segment that is full is answered at once")
    func fullSegment() throws {
        let disk = SimulatedFileSystem(seed: 1)
        var contents = ControlFileVectors.freshState
        contents.server.segmentSize = 1 << 20
        let state = try create(on: disk, contents)
        let start = LSN(0x1F_F000)
        _ = try state.process(try Message.elected(1, start: start, history: [(1, start)]), wal: RawSpan())
        var generator = try WALGenerator(
            LogicalMessageSource(),
            version: .v15,
            segmentSize: WALSegmentSize(bytes: 1 << 20) ?? .standard,
            systemIdentifier: 0x0123_4567_89AB_CDEF,
            startingAt: start
        )
        var position = start
        var answered: [LSN] = []
        while position < LSN(0x20_2000) {
            let element = generator.append(
                WALRecordContents(
                    resourceManager: .logicalMessage,
                    info: 0,
                    mainData: [UInt8](repeating: 7, count: 300)
                )
            )
            let bytes = element.bytes
            let message = Message.append(1, position, bytes: UInt64(bytes.count))
            if case .appendResponse(let response)? = try state.process(message, wal: bytes.span.bytes) {
                answered.append(response.flush)
                #expect(response.flush <= state.positions.flushLSN.recordAligned)
                #expect(response.flush > LSN(0x1F_FE00))
            }
            position += UInt64(bytes.count)
        }
        #expect(answered.count == 1)
    }

    @Test("A first election that the disk fails in decides nothing: the next one may begin elsewhere")
    func failedFirstElection() throws {
        var failures = 0
        for operation in 0... {
            let disk = SimulatedFileSystem(seed: 4)
            let state = try create(on: disk)
            let before = disk.operationCount
            disk.fault = .init(operation: before + operation, code: EIO)
            do {
                _ = try state.process(Message.elected(1, start: start, history: [(1, start)]), wal: RawSpan())
                // Beyond the last operation, or in one that may fail.
                if disk.operationCount <= before + operation { break }
                continue
            } catch is AcceptorError {
                failures += 1
            }
            guard case .voteResponse(let vote) = try state.process(Message.vote(2), wal: RawSpan()) else {
                Issue.record("no vote")
                return
            }
            #expect(vote.voteGiven && !vote.flush.isValid && vote.history.entries.isEmpty, "operation \(operation)")
            let later = start + 0x200_0000
            _ = try state.process(Message.elected(2, start: later, history: [(2, later)]), wal: RawSpan())
            let record = try wal(count: 1, from: later)[0]
            _ = try append(record, to: state, at: later, term: 2)
            #expect(try state.flush().flush == record.next, "operation \(operation)")
            #expect(state.persisted.timelineStartLSN == later)
        }
        #expect(failures > 10)
    }

    @Test("What was acknowledged is there after a power loss at any operation")
    func crashes() throws {
        var operation = 0
        while true {
            let disk = SimulatedFileSystem(seed: UInt64(operation))
            disk.crashOperation = operation
            var acknowledged = LSN.invalid
            var vote: UInt64 = 0
            let records = try wal(count: 40, from: start)
            do {
                let state = try create(on: disk)
                for term in 1...2 as ClosedRange<UInt64> {
                    _ = try state.process(Message.vote(term), wal: RawSpan())
                    vote = term
                    let history = [(1 as UInt64, start), (2, max(acknowledged, start))].prefix(Int(term))
                    let from = max(acknowledged, start)
                    _ = try state.process(
                        try Message.elected(term, start: from, history: Array(history)),
                        wal: RawSpan()
                    )
                    for record in records where record.start >= from && record.start < start + 0x200 * term {
                        _ = try append(record, to: state, at: record.start, term: term)
                        acknowledged = try state.flush().flush
                    }
                }
            } catch {}
            let isOver = disk.operationCount <= operation
            disk.restart(after: .powerLoss)
            do throws(TimelineStateError) {
                let state = try TimelineState(loading: folder, of: disk, settings: settings)
                #expect(state.flushLSN >= acknowledged, "crash at operation \(operation)")
                #expect(state.persisted.term.rawValue >= vote, "crash at operation \(operation)")
                let committed = state.persisted.commitLSN
                #expect(committed <= state.flushLSN)
            } catch {
                guard case .controlFile(.storage(let cause)) = error, cause.isNotFound, vote == 0 else {
                    Issue.record("\(error), crash at operation \(operation)")
                    return
                }
            }
            if isOver { break }
            operation += 1
        }
        #expect(operation > 60)
    }

    @Test func membershipAndTermCanBeRaised() throws {
        let disk = SimulatedFileSystem(seed: 1)
        let state = try create(on: disk)
        let two = try Message.membership(2, [7, 8])
        #expect(try state.switchMembership(to: two).current == two)
        let one = try Message.membership(1, [7])
        #expect(try state.switchMembership(to: one).current == two)
        let without = try Message.membership(3, [8])
        #expect(throws: AcceptorError.notAMember(without, node: SafekeeperID(7))) {
            try state.switchMembership(to: without)
        }
        #expect(try state.bumpTerm(to: nil).current == Term(1))
        #expect(try state.bumpTerm(to: Term(9)).previous == Term(1))
        #expect(try state.bumpTerm(to: Term(4)).current == Term(9))
        disk.restart(after: .powerLoss)
        let again = try load(disk)
        #expect(again.persisted.membership == two && again.persisted.term == Term(9))
    }

    @Test func whatCanBeNoTimelineIsNotMade() throws {
        let disk = SimulatedFileSystem(seed: 1)
        for (version, size, expected) in [
            (0, 16 << 20, TimelineStateError.serverVersion(0)), (130_000, 16 << 20, .serverVersion(130_000)),
            (150_010, 0, .segmentSize(0)), (150_010, 5000, .segmentSize(5000)),
        ] as [(UInt32, UInt32, TimelineStateError)] {
            var contents = ControlFileVectors.freshState
            contents.server = .init(versionNumber: version, systemIdentifier: 1, segmentSize: size)
            #expect(throws: expected) {
                try TimelineState.create(contents, in: folder, of: disk, settings: settings)
            }
        }
        #expect(disk.operationCount == 0)
        var evicted = ControlFileVectors.freshState
        evicted.eviction = .offloaded(flushLSN: start)
        try TimelineState.create(evicted, in: folder, of: disk, settings: settings)
        #expect(throws: TimelineStateError.offloaded(flushLSN: start)) { try load(disk) }
    }
}
