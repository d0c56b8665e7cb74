import InterpretedWAL
import PostgresWAL
import ReplicationProtocol
import ShardIdentity
import WalReceiver

func moment(_ seconds: Double) -> Moment {
    Moment(
        uptime: .microseconds(Int64((seconds * 1_000_000).rounded())),
        wall: PostgresTimestamp(microseconds: Int64(seconds * 1_000_000))
    )
}

/// A shard of the tests' timeline; unsharded if count is 0.
func target(
    _ number: UInt8 = 0,
    of count: UInt8 = 0,
    version: PostgresMajorVersion = .v15
) -> ReceiverTarget {
    guard let index = try? ShardIndex(number: ShardNumber(number), count: ShardCount(count)) else {
        preconditionFailure("no such shard")
    }
    return ReceiverTarget(
        tenant: TenantID(bits: 0x1111),
        timeline: TimelineID(bits: 0x2222),
        identity: ShardIdentity(index: index, stripeSize: .standard),
        version: version
    )
}

let interpreted = WALReceiverProtocol.interpreted(WireFormat(format: .protobuf, compression: .zstd(level: 1)))

/// A session, the position of its sink, and the time, under a test's control.
struct SessionRun {
    var session: ReceiverSession
    var positions: SinkPositions
    var seconds = 0.0

    init(
        _ target: ReceiverTarget = target(),
        _ selection: WALReceiverProtocol = interpreted,
        at last: LSN = LSN(0x100_0100),
        requiresBatchStart: Bool = true
    ) {
        positions = SinkPositions(lastRecord: last, diskConsistent: LSN(0x100_0080), logicalSize: 8192)
        session = ReceiverSession(
            target,
            selection: selection,
            requiresBatchStart: requiresBatchStart,
            context: ReceiverSession.Context(now: moment(0), positions: positions)
        )
    }

    mutating func handle(_ event: SessionEvent) -> [SessionAction] {
        session.handle(event, ReceiverSession.Context(now: moment(seconds), positions: positions))
    }

    /// Brings it to streaming.
    mutating func begin() {
        _ = handle(.loggedIn)
        _ = handle(.identified(SystemIdentification(systemID: 7, timeline: 1, commitLSN: LSN(0x200_0000))))
        _ = handle(.streaming)
    }

    /// A batch, as far as the session sees it, that the sink takes in; gives what was done last.
    mutating func batch(from start: LSN?, next: LSN, streaming: LSN) -> [SessionAction] {
        let message = WALStreamMessage.interpretedRecords(
            InterpretedRecordsHeader(streaming: streaming, commit: LSN(0x300_0000))
        )
        let asked = handle(.message(message, payload: 10))
        guard asked == [.decode(skipping: 0)] else { return asked }
        let wanted = handle(.decoded(BatchFacts(rawStart: start, nextRecord: next, recordCount: 1)))
        guard wanted == [.ingest] else { return wanted }
        positions.lastRecord = max(positions.lastRecord, next)
        return handle(.ingested)
    }

    mutating func keepAlive(_ walEnd: LSN = LSN(0x300_0000), reply: Bool = true) -> [SessionAction] {
        let message = KeepAlive(walEnd: walEnd, time: .epoch, replyRequested: reply)
        return handle(.message(.keepAlive(message), payload: 0))
    }
}

extension [SessionAction] {
    /// What is reported in the last reply.
    var reply: PageserverFeedback? {
        for case .reply(let feedback) in reversed() { return feedback }
        return nil
    }

    var end: SessionEnd? {
        for case .end(let end) in self { return end }
        return nil
    }

    var fault: ReceiverFault? {
        if case .failed(let error)? = end { error.reason } else { nil }
    }

    /// A word for each.
    var words: String {
        map { action in
            switch action {
            case .identifySystem: "identify"
            case .startReplication(let lsn): "start \(lsn)"
            case .decode(let skipped): "decode \(skipped)"
            case .ingest: "ingest"
            case .reply: "reply"
            case .retry: "retry"
            case .tellFull(let isFull): isFull ? "full" : "space"
            case .end(.cancelled): "cancelled"
            case .end(.finished): "finished"
            case .end(.caughtUp): "caught up"
            case .end(.connectionLost): "lost"
            case .end(.failed(let error)):
                switch error.reason {
                case .unexpected: "unexpected"
                case .server: "server error"
                case .gap: "gap"
                default: "failed"
                }
            }
        }
        .joined(separator: ", ")
    }
}
