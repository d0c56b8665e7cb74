import NIOCore
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity
import StorageSimulation
import TestFixtures

/// A timeline on real files with the WAL of a stream in it, as a proposer would have brought it there.
struct StreamingTimeline: Sendable {
    let safekeeper: TestSafekeeper
    let files: InterceptedFileSystem
    let timeline: Timeline
    let stream: InterpretedStream

    static let term = Term(1)

    init(
        _ stream: InterpretedStream,
        time: any TimeSource = SystemTime(),
        systemIdentifier: UInt64 = 77,
        _ configure: (inout TimelineSettings) -> Void = { _ in }
    ) async throws {
        self.stream = stream
        (safekeeper, files) = try TestSafekeeper.onDisk(time: time) { settings in
            settings.state.noSync = true
            configure(&settings)
        }
        try await safekeeper.registry.load()
        let server = ControlFile.Server(
            versionNumber: UInt32(stream.version.rawValue * 10_000),
            systemIdentifier: systemIdentifier,
            segmentSize: UInt32(stream.segmentSize.bytes)
        )
        let id = TenantTimelineID(1, 2)
        timeline = try await safekeeper.registry.create(id, for: server)
        let greeting = ProposerGreeting(
            tenant: id.tenant,
            timeline: id.timeline,
            serverVersionNumber: server.versionNumber,
            systemID: server.systemIdentifier,
            segmentSize: server.segmentSize
        )
        try await process(.greeting(greeting))
        try await elect(Self.term)
    }

    /// Another term begins, with the WAL that is there.
    func elect(_ term: Term) async throws {
        try await process(.voteRequest(VoteRequest(generation: .invalid, term: term)))
        let (flush, old) = try await timeline.withState { ($0.positions.flushRecordLSN, $0.control.termHistory) }
        let start = flush.isValid ? flush : stream.start
        var history = old
        try history.append(TermLSN(term: term, lsn: start))
        try await process(
            .elected(
                ProposerElected(generation: .invalid, term: term, startStreamingAt: start, history: history)
            )
        )
    }

    /// Writes the stream's WAL up to a position, makes it durable and commits it up to another.
    func write(upTo end: LSN, commit: LSN? = nil, term: Term = StreamingTimeline.term) async throws {
        var position = try await timeline.withState { $0.positions.writeLSN }
        while position < end {
            let next = min(end, position + 100_000)
            try await append(from: position, to: next, commit: .invalid, term)
            position = next
        }
        _ = try await timeline.withState { try $0.flush() }
        try await append(from: position, to: position, commit: commit ?? end, term)
    }

    private func append(from: LSN, to: LSN, commit: LSN, _ term: Term) async throws {
        let request = AppendRequest(
            generation: .invalid,
            term: term,
            begin: from,
            end: to,
            commit: commit,
            truncate: .invalid
        )
        let bytes = Array(stream.wal(from: from, to: to))
        _ = try await timeline.withState { try $0.process(.append(request), wal: bytes.span.bytes) }
    }

    private func process(_ message: ProposerMessage) async throws {
        _ = try await timeline.withState { try $0.process(message, wal: RawSpan()) }
    }
}
