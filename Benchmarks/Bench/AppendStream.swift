import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity

/// WAL in messages of one record each; the largest ones take several append requests.
struct WALMessages {
    let start = LSN(0x100_0028)
    private(set) var bytes: [UInt8] = []
    private(set) var messages: [Range<Int>] = []
    private var generator: WALGenerator<LogicalMessageSource>

    /// At least so many megabytes, in messages of at most that many bytes and nearly as many.
    init(messageSize: Int, megabytes: Int) throws {
        generator = try WALGenerator(LogicalMessageSource(), version: .v16, startingAt: start)
        bytes.reserveCapacity(megabytes * 1_000_000 + messageSize)
        // What a record has besides its data, and the headers of the pages that it lies on.
        let overhead = 40 + (messageSize / WALPage.size + 1) * 24 + 16
        while bytes.count < megabytes * 1_000_000 { add(payloadSize: messageSize - overhead) }
        precondition(messages.allSatisfy { $0.count <= messageSize }, "a message is longer than \(messageSize) bytes")
    }

    /// A number of records with that much data.
    init(payloadSize: Int, count: Int) throws {
        generator = try WALGenerator(LogicalMessageSource(), version: .v16, startingAt: start)
        for _ in 0..<count { add(payloadSize: payloadSize) }
    }

    /// The parts that the messages are sent in.
    var requests: [Range<Int>] { messages.flatMap { Self.requests(of: $0) } }

    /// The parts that a message is sent in.
    static func requests(of message: Range<Int>) -> [Range<Int>] {
        stride(from: message.lowerBound, to: message.upperBound, by: AppendRequest.maximumWALSize).map {
            $0..<min($0 + AppendRequest.maximumWALSize, message.upperBound)
        }
    }

    private mutating func add(payloadSize: Int) {
        let first = bytes.count
        let payload = [UInt8](repeating: 0x55, count: payloadSize)
        let record = WALRecordContents(resourceManager: .logicalMessage, info: 0, mainData: payload)
        bytes += generator.append(record).bytes
        messages.append(first..<bytes.count)
    }
}

/// A timeline whose proposer has been elected.
enum AppendTarget {
    static let term = Term(1)

    static let id = TenantTimelineID(tenant: TenantID(bits: 1), timeline: TimelineID(bits: 2))
    static let server = ControlFile.Server(versionNumber: 160_002, systemIdentifier: 3, segmentSize: 16 << 20)

    static func settings(synced: Bool) -> TimelineState.Settings {
        TimelineState.Settings(node: SafekeeperID(1), noSync: !synced)
    }

    static func elected(at start: LSN) throws -> ProposerElected {
        ProposerElected(
            generation: .invalid,
            term: term,
            startStreamingAt: start,
            history: try TermHistory([TermLSN(term: term, lsn: start)])
        )
    }

    /// The request with a part of a stream.
    static func request(for piece: Range<Int>, at begin: LSN, commit: LSN) -> AppendRequest {
        AppendRequest(
            generation: .invalid,
            term: term,
            begin: begin,
            end: begin + UInt64(piece.count),
            commit: commit,
            truncate: .invalid
        )
    }

    static func timeline(in path: String, startingAt start: LSN, synced: Bool) throws -> TimelineState {
        let contents = ControlFile(tenantID: id.tenant, timelineID: id.timeline, server: server)
        let settings = settings(synced: synced)
        try TimelineState.create(contents, in: path, of: PosixFileSystem(), settings: settings)
        let state = try TimelineState(loading: path, of: PosixFileSystem(), settings: settings)
        _ = try state.process(.elected(try elected(at: start)), wal: RawSpan())
        return state
    }

    /// Appends a part of a stream, in as many requests as it takes; with `commits` all before it is committed.
    static func append(
        _ stream: WALMessages,
        _ range: Range<Int>,
        to state: TimelineState,
        at position: inout LSN,
        commits: Bool
    ) throws {
        let commit = commits ? position : .invalid
        for piece in WALMessages.requests(of: range) {
            let request = request(for: piece, at: position, commit: commit)
            _ = try state.process(.append(request), wal: stream.bytes.span.bytes.extracting(piece))
            position = request.end
        }
    }
}
