import Glibc
import NIOCore
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity
import StorageSimulation
import TestFixtures

/// One safekeeper: the real state machine and the real storage on a simulated disk, and what it has promised.
final class SimulatedNode {
    static let folder = "/timeline"
    static let segmentSize = WALSegmentSize(bytes: 1 << 20) ?? .standard
    /// Less than safekeepers have, as there is little WAL: so messages are often taken in parts.
    private static let runAlignment = 64 << 10
    static let tenant = TenantID(bits: 1)
    static let timeline = TimelineID(bits: 2)

    let id: SafekeeperID
    private(set) var disk: SimulatedFileSystem
    private var files: NodeFiles
    private let fault: PlantedFault?
    private var seeds: SeededGenerator
    private(set) var state: TimelineState?
    /// Whether it has the timeline, also while it is down.
    private(set) var exists = false
    /// The generation in which it got the timeline.
    private var bornIn = Generation.invalid
    /// The operation of the next start at which the disk fails, if any.
    var spoilsStart: Int?

    /// How often it took append requests together.
    private(set) var runCount = 0
    /// The highest term it has told anybody.
    private(set) var promisedTerm = Term.initial
    /// How far it has told anybody that its WAL is durable.
    private(set) var promisedFlush = LSN.invalid
    /// To which proposer it has given its vote in which term.
    private var votes: [Term: Int] = [:]

    /// What it promised before it lost the timeline to get it anew.
    private var earlierPromise = LSN.invalid

    init(id: UInt64, seed: UInt64, fault: PlantedFault?) {
        self.id = SafekeeperID(id)
        self.fault = fault
        seeds = SeededGenerator(seed: seed)
        disk = SimulatedFileSystem(seed: seeds.next())
        files = NodeFiles(disk, fault: fault)
    }

    /// Gets the timeline, without any WAL; what it had before is gone.
    func create(in membership: MembershipConfiguration) throws {
        state = nil
        earlierPromise = max(earlierPromise, promisedFlush)
        (promisedTerm, promisedFlush, votes) = (.initial, .invalid, [:])
        disk = SimulatedFileSystem(seed: seeds.next())
        files = NodeFiles(disk, fault: fault)
        exists = true
        bornIn = membership.generation
        var contents = ControlFile(
            tenantID: Self.tenant,
            timelineID: Self.timeline,
            server: .init(
                versionNumber: 160_002,
                systemIdentifier: 9,
                segmentSize: UInt32(Self.segmentSize.bytes)
            )
        )
        contents.membership = membership
        try TimelineState.create(contents, in: Self.folder, of: disk, settings: settings)
        try load()
    }

    /// How far it has told those of a generation that its WAL is durable.
    func promisedFlush(in generation: Generation) -> LSN {
        generation < bornIn ? earlierPromise : promisedFlush
    }

    private var settings: TimelineState.Settings { .init(node: id) }

    private func load() throws(TimelineStateError) {
        files.isLoading = true
        defer { files.isLoading = false }
        state = try TimelineState(loading: Self.folder, of: files, settings: settings)
    }

    var isUp: Bool { state != nil }

    /// Ends the process, at once.
    func stop() { state = nil }

    /// Starts again, and holds what is found against what was promised.
    ///
    /// - Throws: ``Violation``, or ``TimelineStateError`` if the disk failed.
    func restart(after crash: SimulatedFileSystem.Crash) throws {
        state = nil
        disk.restart(after: crash)
        if let spoilsStart {
            disk.fault = .init(operation: disk.operationCount + spoilsStart, code: EIO)
            self.spoilsStart = nil
        }
        try load()
        guard let state else { return }
        try require(state.persisted.term >= promisedTerm, "node \(id) has forgotten term \(promisedTerm)")
        try checkPromise(state)
    }

    private func checkPromise(_ state: TimelineState) throws {
        try require(
            state.flushLSN >= promisedFlush,
            "node \(id) has lost WAL: \(promisedFlush) was durable, found \(state.flushLSN)"
        )
    }

    /// Processes what came first of a proposer's messages, or append requests together, and takes it out of them.
    func process(_ waiting: inout [MessageQueue.Element], from proposer: Int) throws -> AcceptorMessage? {
        guard let state, !waiting.isEmpty else { return nil }
        let element = waiting.removeFirst()
        let promisedBefore = promisedFlush
        if case .voteRequest = element.message { files.isVoting = true }
        if case .elected(let elected) = element.message {
            files.isTruncating = true
            // From here on a failure may leave less than before.
            if elected.term >= state.persisted.term { promisedFlush = min(promisedFlush, elected.startStreamingAt) }
        }
        defer {
            files.isVoting = false
            files.isTruncating = false
            // Unless it was refused.
            if state.flushLSN >= promisedBefore { promisedFlush = max(promisedFlush, promisedBefore) }
        }
        let answer: AcceptorMessage?
        if let run = AppendRun(element, alignment: Self.runAlignment, next: { Self.next(of: &waiting, if: $0) }) {
            runCount += 1
            if let rest = run.rest { waiting.insert(rest, at: 0) }
            answer = try state.process(run.request, wal: run.pieces)
        } else {
            answer = try state.process(element.message, wal: element.wal.readableBytesSpan)
        }
        try note(answer, to: proposer)
        return answer
    }

    private static func next(
        of waiting: inout [MessageQueue.Element],
        if isWanted: (ProposerMessage) -> Bool
    ) -> MessageQueue.Element? {
        guard let first = waiting.first, isWanted(first.message) else { return nil }
        return waiting.removeFirst()
    }

    /// Makes WAL durable; gives the answer.
    func flush() throws -> AcceptorMessage? {
        guard let state else { return nil }
        let answer = AcceptorMessage.appendResponse(try state.flush())
        try note(answer, to: -1)
        return answer
    }

    /// Takes over a membership; gives the generation then in force, nil while it is down.
    func switchMembership(to membership: MembershipConfiguration) throws -> Generation? {
        guard let state else { return nil }
        let now = try state.switchMembership(to: membership).current
        return now.generation
    }

    /// Raises the term.
    func bumpTerm(to term: Term) throws {
        guard let state, term > state.persisted.term else { return }
        _ = try state.bumpTerm(to: term)
    }

    private func note(_ answer: AcceptorMessage?, to proposer: Int) throws {
        switch answer {
        case .greeting(let greeting):
            promisedTerm = max(promisedTerm, greeting.term)
        case .voteResponse(let vote):
            promisedTerm = max(promisedTerm, vote.term)
            promisedFlush = max(promisedFlush, vote.flush)
            guard vote.voteGiven else { break }
            try require(votes[vote.term] == nil, "node \(id) votes twice in term \(vote.term)")
            votes[vote.term] = proposer
        case .appendResponse(let response):
            promisedTerm = max(promisedTerm, response.term)
            promisedFlush = max(promisedFlush, response.flush)
        case nil:
            break
        }
    }

    /// What must hold after every step.
    func check() throws {
        guard let state else { return }
        try checkPromise(state)
        try require(
            state.persisted.commitLSN <= state.commitLSN && state.commitLSN <= state.flushLSN,
            "node \(id): positions in disorder: \(state.persisted.commitLSN) \(state.commitLSN) \(state.flushLSN)"
        )
    }

    /// Its WAL from `start` to `end`, as a reader would see it now.
    func wal(from start: LSN, to end: LSN) throws -> [UInt8] {
        disk.isPaused = true
        defer { disk.isPaused = false }
        let files = SegmentFiles(directory: Self.folder, of: disk, segmentSize: Self.segmentSize)
        let count = Int(end.rawValue - start.rawValue)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 8)
        defer { buffer.deallocate() }
        var done = 0
        while done < count {
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<count])
            do {
                let got = try files.read(into: target, at: start + UInt64(done))
                try require(got > 0, "node \(id): the WAL ends at \(start + UInt64(done)), before \(end)")
                done += got
            } catch let error as WALStoreError {
                throw Violation("node \(id) has not the WAL it claims: \(error)")
            }
        }
        return RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: buffer[..<count])).array
    }
}

/// Something that must never be, with what is known of it.
package struct Violation: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
    if !condition { throw Violation(message()) }
}
