import InterpretedWAL
package import PostgresWAL
package import ReplicationProtocol
package import ShardIdentity

/// A proposer for one safekeeper, step by step under a test's control; protocol 3.
package final class RawProposer {
    /// The system identifier of its server.
    package static let systemIdentifier: UInt64 = 0x0123_4567_89AB_CDEF

    package let tenant: TenantID
    package let timeline: TimelineID
    package private(set) var term = Term.initial
    /// Where the next WAL is to begin.
    package private(set) var position = LSN.invalid
    /// The highest position that the safekeeper said to be durable in our term.
    package private(set) var acknowledged = LSN.invalid
    private let connection: BlockingConnection

    /// Connects and starts to push WAL for a timeline.
    package init(port: UInt16, tenant: TenantID, timeline: TimelineID, timeout: Int = 20) throws {
        self.tenant = tenant
        self.timeline = timeline
        connection = try BlockingConnection(port: port, timeout: timeout)
        try connection.start(options: "-c tenant_id=\(tenant) timeline_id=\(timeline)")
        try connection.query("START_WAL_PUSH (proto_version '3', allow_timeline_creation 'true')")
        guard let frame = try connection.receive() else { throw ConnectionFailure.closed }
        if frame.tag == UInt8(ascii: "E") { throw ConnectionFailure.refused(BlockingConnection.message(of: frame)) }
        guard frame.tag == UInt8(ascii: "W") else {
            throw ConnectionFailure.protocolViolation("tag \(frame.tag) instead of CopyBothResponse")
        }
    }

    /// Greets, wins the vote and prepares the safekeeper's WAL; gives what it voted.
    ///
    /// - Parameters:
    ///   - start: where the timeline begins if the safekeeper has nothing yet.
    ///   - segmentSize: bytes in a segment.
    ///   - version: the server's version number.
    ///   - cut: from where on the safekeeper's WAL is to be replaced, given its vote.
    /// - Returns: the vote.
    /// - Throws: ``ConnectionFailure`` if the connection breaks or the safekeeper refuses; what `cut` throws.
    @discardableResult
    package func elect(
        start: LSN,
        segmentSize: UInt32 = 16 << 20,
        version: UInt32 = 160_002,
        cut: (VoteResponse) throws -> LSN = { $0.flush }
    ) throws -> VoteResponse {
        let greeting = ProposerGreeting(
            tenant: tenant,
            timeline: timeline,
            serverVersionNumber: version,
            systemID: Self.systemIdentifier,
            segmentSize: segmentSize
        )
        try send { greeting.encode(into: &$0, version: .v3) }
        guard case .greeting(let answer) = try receive() else { throw unexpected("a greeting") }
        guard let next = answer.term.next else { throw unexpected("a term that has a next one") }
        term = next
        let request = VoteRequest(generation: answer.membership.generation, term: term)
        try send { request.encode(into: &$0, version: .v3) }
        guard case .voteResponse(let vote) = try receive() else { throw unexpected("a vote") }
        guard vote.voteGiven else { throw ConnectionFailure.refused("no vote in term \(term)") }
        position = vote.flush.isValid ? try cut(vote) : start
        // Of terms that wrote only what is replaced now, nothing is left.
        var history = vote.history.upTo(position)
        try history.append(TermLSN(term: term, lsn: position))
        let elected = ProposerElected(
            generation: answer.membership.generation,
            term: term,
            startStreamingAt: position,
            history: history
        )
        try send { elected.encode(into: &$0, version: .v3) }
        acknowledged = vote.flush.isValid ? position : vote.flush
        return vote
    }

    /// Sends WAL from ``position`` on; doesn't wait for an answer.
    package func append(_ wal: RawSpan, commit: LSN? = nil) throws {
        var rest = wal
        repeat {
            let piece = rest.extracting(first: AppendRequest.maximumWALSize)
            let request = AppendRequest(
                generation: .invalid,
                term: term,
                begin: position,
                end: position + UInt64(piece.byteCount),
                commit: commit ?? acknowledged,
                truncate: .invalid
            )
            try send { request.encode(into: &$0, version: .v3, wal: piece) }
            position = request.end
            rest = rest.extracting(droppingFirst: piece.byteCount)
        } while !rest.isEmpty
    }

    /// Takes answers until `lsn` is durable.
    package func waitUntilDurable(_ lsn: LSN) throws {
        while acknowledged < lsn { try takeAnswer() }
    }

    /// Takes those answers that are there.
    package func takeAnswers() throws {
        while connection.isReadable() { try takeAnswer() }
    }

    private func takeAnswer() throws {
        guard case .appendResponse(let response) = try receive() else { throw unexpected("an append response") }
        guard response.term == term else { throw ConnectionFailure.refused("term \(response.term) has taken over") }
        acknowledged = max(acknowledged, response.flush)
    }

    private func send(_ encode: (inout OutputBuffer) -> Void) throws {
        try connection.send { $0.appendCopyData(encode) }
    }

    private func receive() throws -> AcceptorMessage {
        guard let frame = try connection.receive() else { throw ConnectionFailure.closed }
        switch frame.tag {
        case UInt8(ascii: "d"): return try AcceptorMessage(decoding: frame.body.span.bytes, version: .v3)
        case UInt8(ascii: "E"): throw ConnectionFailure.refused(BlockingConnection.message(of: frame))
        default: throw ConnectionFailure.protocolViolation("tag \(frame.tag) in the copy stream")
        }
    }

    private func unexpected(_ expected: String) -> ConnectionFailure {
        .protocolViolation("something else than \(expected)")
    }
}
