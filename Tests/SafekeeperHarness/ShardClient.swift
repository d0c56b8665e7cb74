import InterpretedWAL
package import PostgresWAL
package import ReplicationProtocol
package import ShardIdentity

/// One shard of a pageserver as a safekeeper sees it: takes interpreted WAL (protobuf, zstd), holds it to a receiver's
/// rules, and gives feedback after each message.
package final class ShardClient {
    /// What a client asks for.
    package struct Request: Sendable {
        package var port: UInt16
        package var tenant: TenantID
        package var timeline: TimelineID
        package var shard: ShardIdentity
        package var start: LSN
        /// With a term WAL that isn't committed is sent as well, and each shard has a reader of its own.
        package var term: Term?

        package init(
            port: UInt16,
            tenant: TenantID,
            timeline: TimelineID,
            shard: ShardIdentity,
            start: LSN,
            term: Term? = nil
        ) {
            self.port = port
            self.tenant = tenant
            self.timeline = timeline
            self.shard = shard
            self.start = start
            self.term = term
        }
    }

    package let shard: ShardIdentity
    /// All WAL before this has been looked at by the sender.
    package private(set) var streaming: LSN
    /// What has come.
    package private(set) var digest: ShardDigest
    /// The bytes of payloads as they were on the wire.
    package private(set) var wireBytes: UInt64 = 0
    /// Where the record behind the last one starts.
    package private(set) var lastRecord: LSN
    private let connection: BlockingConnection
    private var decompressor: ZstdDecompressor
    private var plain = OutputBuffer()

    /// Connects and asks for the shard's WAL.
    ///
    /// - Parameters:
    ///   - request: what to ask for.
    ///   - digest: what an earlier connection has brought.
    ///   - timeout: after how many seconds without a byte it gives up.
    /// - Throws: ``ConnectionFailure``.
    package init(_ request: Request, digest: ShardDigest = ShardDigest(), timeout: Int = 60) throws {
        self.digest = digest
        shard = request.shard
        streaming = request.start
        lastRecord = request.start
        decompressor = try ZstdDecompressor()
        connection = try BlockingConnection(port: request.port, timeout: timeout)
        let form = #"{"type":"interpreted","args":{"format":"protobuf","compression":{"zstd":{"level":1}}}}"#
        try connection.start(
            options: "-c timeline_id=\(request.timeline) tenant_id=\(request.tenant) protocol=\(form) "
                + "shard_count=\(shard.count) shard_number=\(shard.number) shard_stripe_size=\(shard.stripeSize)"
        )
        let term = request.term.map { " (term='\($0.rawValue)')" } ?? ""
        try connection.query("START_REPLICATION PHYSICAL \(request.start)\(term)")
        guard let frame = try connection.receive() else { throw ConnectionFailure.closed }
        guard frame.tag == UInt8(ascii: "W") else {
            throw ConnectionFailure.refused(BlockingConnection.message(of: frame))
        }
    }

    /// Takes one message.
    ///
    /// - Throws: ``ConnectionFailure`` if the stream ends, or a message is one that a pageserver refuses.
    package func receive() throws {
        guard let frame = try connection.receive() else { throw ConnectionFailure.closed }
        guard frame.tag == UInt8(ascii: "d") else {
            throw ConnectionFailure.refused(BlockingConnection.message(of: frame))
        }
        let body = frame.body.span.bytes
        let message = try WALStreamMessage(decoding: body)
        switch message {
        case .interpretedRecords(let header):
            wireBytes += UInt64(body.byteCount)
            try take(body.extracting(message.payloadRange(in: body.byteCount)), header)
            try reply(PageserverFeedback(lastReceived: header.streaming))
        case .keepAlive:
            try reply(PageserverFeedback(lastReceived: streaming))
        default:
            throw ConnectionFailure.protocolViolation("\(message) in a stream of interpreted WAL")
        }
    }

    /// Takes messages until all WAL before a position has been seen.
    package func receive(upTo end: LSN) throws {
        while streaming < end { try receive() }
    }

    /// Tells how far this shard is.
    package func reply(_ feedback: PageserverFeedback) throws {
        var feedback = feedback
        feedback.shardNumber = UInt32(shard.number.rawValue)
        try connection.send { $0.appendCopyData { WALStreamReply.pageserverFeedback(feedback).encode(into: &$0) } }
    }

    private func take(_ payload: RawSpan, _ header: InterpretedRecordsHeader) throws {
        plain.removeAll()
        try decompressor.decompress(payload, into: &plain)
        let message = try Message(plain.bytes)
        // As a pageserver checks it: no gap, nothing twice.
        guard message.start <= streaming else {
            throw ConnectionFailure.protocolViolation("Gap in streamed WAL: [\(streaming), \(message.start))")
        }
        if let first = message.firstNext, first <= lastRecord {
            throw ConnectionFailure.protocolViolation("a record twice: \(first), after \(lastRecord)")
        }
        guard message.next >= lastRecord, header.streaming >= streaming else {
            throw ConnectionFailure.protocolViolation("back from \(lastRecord) to \(message.next)")
        }
        digest.add(plain.bytes.extracting(first: message.recordBytes), count: message.recordCount)
        lastRecord = message.next
        streaming = header.streaming
    }
}

/// What a message says of itself.
private struct Message {
    let start: LSN
    let next: LSN
    let recordCount: Int
    /// The bytes of records, which come first.
    let recordBytes: Int
    /// Where the record behind the first one starts; nil if there is none.
    let firstNext: LSN?

    init(_ bytes: RawSpan) throws {
        var parser = try InterpretedBatchParser(bytes)
        guard let start = parser.rawWALStartLSN else {
            throw ConnectionFailure.protocolViolation("a message without its start")
        }
        self.start = start
        next = parser.nextRecordLSN
        recordCount = parser.recordCount
        var end = OutputBuffer()
        end.appendBatchEnd(nextRecordLSN: next, rawWALStartLSN: start)
        recordBytes = bytes.byteCount - end.count
        firstNext = try parser.nextRecord()?.nextRecordLSN
    }
}
