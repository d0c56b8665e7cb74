internal import InterpretedWAL
internal import PostgresClient
internal import PostgresWAL
internal import ReplicationProtocol

/// One connection to one safekeeper, and what waits to be sent on it.
///
/// What waits is described, not held: the WAL of a request is read when it can be sent. How much may wait is bounded by
/// ``ProposerLimits``.
struct MemberLink {
    /// A message that waits.
    struct Outgoing {
        let message: ProposerMessage
        let source: ProposerWALSource?
    }

    /// Set once the safekeeper has answered START_WAL_PUSH.
    var postgres: PostgresConnection?
    /// The task that connects and then receives.
    var task: Task<Void, Never>?
    /// Whether a task is sending what waits.
    var isDraining = false
    /// What WAL is read by that is not in the window, and where from.
    var reader: (source: ProposerWALSource, reader: WALReader)?
    private var waiting: [Outgoing] = []
    private var first = 0

    /// The message whose turn it is.
    var next: Outgoing? { first < waiting.count ? waiting[first] : nil }

    mutating func append(_ outgoing: Outgoing) {
        waiting.append(outgoing)
    }

    mutating func removeFirst() {
        first += 1
        if first == waiting.count || first > 64 && first * 2 > waiting.count {
            waiting.removeFirst(first)
            first = 0
        }
    }

    /// Ends everything that has to do with the connection.
    func close() {
        task?.cancel()
        postgres?.close()
        if let reader = reader?.reader { Task { await reader.close() } }
    }
}

extension MemberLink.Outgoing {
    /// The WAL that the message needs; nil for one without.
    var range: Range<LSN>? {
        guard case .append(let request) = message, !request.isHeartbeat else { return nil }
        return request.begin..<request.end
    }

    /// The bytes of a message without WAL.
    func encoded(_ version: ConsensusProtocolVersion) -> [UInt8] {
        var buffer = OutputBuffer(minimumCapacity: 128)
        switch message {
        case .greeting(let greeting): greeting.encode(into: &buffer, version: version)
        case .voteRequest(let request): request.encode(into: &buffer, version: version)
        case .elected(let elected): elected.encode(into: &buffer, version: version)
        case .append(let request): request.encodeHeartbeat(into: &buffer, version: version)
        }
        return buffer.array
    }

    /// The bytes of an append request, with WAL that `fill` puts behind it.
    func encoded(
        _ version: ConsensusProtocolVersion,
        _ range: Range<LSN>,
        fill: (UnsafeMutableRawBufferPointer) -> Void
    ) -> [UInt8] {
        guard case .append(let request) = message else { preconditionFailure("only append requests have WAL") }
        var header = OutputBuffer(minimumCapacity: 128)
        request.encodeHeader(into: &header, version: version)
        let count = Int(range.upperBound.distance(from: range.lowerBound) ?? 0)
        return [UInt8](unsafeUninitializedCapacity: header.count + count) { buffer, filled in
            let memory = UnsafeMutableRawBufferPointer(buffer)
            header.withUnsafeBytes { memory.copyMemory(from: $0) }
            fill(UnsafeMutableRawBufferPointer(rebasing: memory[header.count..<header.count + count]))
            filled = header.count + count
        }
    }
}
