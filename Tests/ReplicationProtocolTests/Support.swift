import InterpretedWAL
import PostgresWAL
import ReplicationProtocol
import ShardIdentity

/// What a function appends to an empty buffer.
func encoded(_ body: (inout OutputBuffer) -> Void) -> [UInt8] {
    var buffer = OutputBuffer()
    body(&buffer)
    return buffer.array
}

/// The bytes of a proposer's message; `wal` is that of an append request.
func encode(_ message: ProposerMessage, _ version: ConsensusProtocolVersion, wal: [UInt8] = []) -> [UInt8] {
    encoded { buffer in
        switch message {
        case .greeting(let greeting): greeting.encode(into: &buffer, version: version)
        case .voteRequest(let request): request.encode(into: &buffer, version: version)
        case .elected(let elected): elected.encode(into: &buffer, version: version)
        case .append(let request): request.encode(into: &buffer, version: version, wal: wal.span.bytes)
        }
    }
}

func encode(_ message: AcceptorMessage, _ version: ConsensusProtocolVersion) -> [UInt8] {
    encoded { message.encode(into: &$0, version: version) }
}

func proposerMessage(_ bytes: [UInt8], _ version: ConsensusProtocolVersion = .v3) throws -> ProposerMessage {
    try ProposerMessage(decoding: bytes.span.bytes, version: version)
}

func acceptorMessage(_ bytes: [UInt8], _ version: ConsensusProtocolVersion = .v3) throws -> AcceptorMessage {
    try AcceptorMessage(decoding: bytes.span.bytes, version: version)
}

func lsn(_ text: String) throws -> LSN {
    guard let lsn = LSN(text) else { throw NotAnLSN(text: text) }
    return lsn
}

struct NotAnLSN: Error {
    let text: String
}

/// The values that the vectors have in common.
enum Sample {
    static let tenant = TenantID(bits: 0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF)
    static let timeline = TimelineID(bits: 0xFFEE_DDCC_BBAA_9988_7766_5544_3322_1100)
    static let base = LSN(0x14E_E150)
    static let begin = LSN(0x150_0000)
    static let time = PostgresTimestamp(microseconds: 0x0002_B5E3_AF16_5000)
    static let feedback = PageserverFeedback(
        currentTimelineSize: 16 << 20,
        lastReceived: begin,
        diskConsistent: LSN(0x14F_0000),
        remoteConsistent: base,
        replyTime: time,
        shardNumber: 1
    )

    static func members(_ ids: ClosedRange<UInt64>) throws -> MemberSet {
        try MemberSet(
            ids.map { id in
                try SafekeeperMember(
                    id: SafekeeperID(id),
                    host: "sk-\(id)",
                    port: UInt16(5453 + (ids.count > 1 ? 1 : id))
                )
            }
        )
    }

    static func greeting(_ membership: MembershipConfiguration = .none) -> ProposerGreeting {
        ProposerGreeting(
            tenant: tenant,
            timeline: timeline,
            membership: membership,
            serverVersionNumber: 150_010,
            systemID: 0x0123_4567_89AB_CDEF,
            segmentSize: 16 << 20
        )
    }
}
