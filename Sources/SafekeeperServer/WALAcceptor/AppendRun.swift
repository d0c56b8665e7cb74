internal import NIOCore
internal import PostgresWAL
internal import ReplicationProtocol

/// Small append requests that follow one another, put together so that they are written with one call.
///
/// Writing 8 KiB costs more in calls than in bytes. Copying small pieces is cheaper than that; requests of more than
/// ``smallSize`` bytes stay where they are.
struct AppendRun {
    /// The most WAL in a request that is put together with others, in bytes.
    static let smallSize = 32 << 10
    /// The most WAL that is put together, in bytes.
    static let maximumSize = AppendRequest.maximumWALSize

    /// The request for all of it.
    private(set) var request: AppendRequest
    private var wal: [UInt8]

    /// Begins with a request, a small one, and with memory that is used again.
    init(
        _ element: MessageQueue.Element,
        _ request: AppendRequest,
        version: ConsensusProtocolVersion,
        storage: consuming [UInt8]
    ) {
        self.request = request
        storage.removeAll(keepingCapacity: true)
        storage.reserveCapacity(Self.maximumSize)
        wal = storage
        append(element.bytes, request, version)
    }

    private static func isSmall(_ request: AppendRequest) -> Bool {
        !request.isHeartbeat && request.end.rawValue - request.begin.rawValue <= UInt64(smallSize)
    }

    /// Whether a message can be put behind what was put together, whose first request is `first`, without any
    /// difference to it coming alone.
    static func isContinued(_ run: AppendRequest, by message: ProposerMessage, from first: AppendRequest) -> Bool {
        guard case .append(let next) = message, isSmall(first), isSmall(next) else { return false }
        return next.begin == run.end && next.term == run.term && next.generation == run.generation
            && next.end.rawValue - run.begin.rawValue <= UInt64(maximumSize)
    }

    /// Puts a message behind what is there.
    mutating func take(_ element: MessageQueue.Element, version: ConsensusProtocolVersion) {
        guard case .append(let next) = element.message else { preconditionFailure("not an append request") }
        request.end = next.end
        // Both only rise, and 0 says nothing.
        request.commit = max(request.commit, next.commit)
        request.truncate = max(request.truncate, next.truncate)
        append(element.bytes, next, version)
    }

    private mutating func append(_ bytes: ByteBuffer, _ request: AppendRequest, _ version: ConsensusProtocolVersion) {
        let source = bytes.readableBytesSpan.extracting(request.walRange(in: version))
        source.withUnsafeBytes { wal.append(contentsOf: $0) }
    }

    /// The WAL.
    var bytes: RawSpan {
        @_lifetime(borrow self)
        get { wal.span.bytes }
    }

    /// Gives the memory back.
    consuming func storage() -> [UInt8] { wal }
}
