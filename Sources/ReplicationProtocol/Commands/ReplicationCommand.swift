public import PostgresWAL

/// A command of the simple query protocol on a WAL port.
///
/// Some are a safekeeper's own, the others are what clients made for a stock server send before they stream.
/// Source: `replication-protocol.md` §2, `safekeeper-core.md` §1.2.
public enum ReplicationCommand: Hashable, Sendable {
    /// Take WAL from a proposer.
    case startWALPush(WALPushOptions)
    /// Send WAL.
    case startReplication(StartReplication)
    /// Tell the system identifier and the position.
    case identifySystem
    /// Tell flush and commit position.
    case timelineStatus
    /// A setting that drivers make; answered with CommandComplete `SELECT 1`.
    case setDateStyle
    /// Tell a setting of the server.
    case show(name: String)
    /// Send the history file of a PostgreSQL timeline.
    case timelineHistory(UInt32)
    /// Make a physical replication slot.
    case createReplicationSlot(name: String, isTemporary: Bool, reservesWAL: Bool)
    /// Tell the state of a replication slot.
    case readReplicationSlot(name: String)
}

/// What a proposer asks for when it starts.
public struct WALPushOptions: Hashable, Sendable {
    /// The number of the consensus protocol.
    ///
    /// It may be one that is not spoken, which is refused only at the first message: see ``protocolVersion``.
    public var protocolNumber: UInt32
    /// Whether a timeline that does not exist is made.
    public var allowsTimelineCreation: Bool

    /// Makes options; those of a proposer that names none by default.
    public init(protocolNumber: UInt32 = 2, allowsTimelineCreation: Bool = true) {
        self.protocolNumber = protocolNumber
        self.allowsTimelineCreation = allowsTimelineCreation
    }

    /// The consensus protocol; nil if it is not spoken.
    public var protocolVersion: ConsensusProtocolVersion? { ConsensusProtocolVersion(rawValue: protocolNumber) }
}

/// From where WAL is to be sent, and which.
public struct StartReplication: Hashable, Sendable {
    /// The name of a slot as written, with quotes if any; a safekeeper makes no use of it.
    public var slot: String?
    /// Whether the word PHYSICAL is there; nothing depends on it.
    public var namesPhysical: Bool
    /// The first position.
    public var start: LSN
    /// The term whose WAL is wanted, committed or not; nil for committed WAL.
    public var term: Term?
    /// The PostgreSQL timeline named right after the position; a safekeeper makes no use of it.
    public var timeline: UInt32?

    /// Makes the request.
    public init(
        start: LSN,
        slot: String? = nil,
        namesPhysical: Bool = true,
        term: Term? = nil,
        timeline: UInt32? = nil
    ) {
        self.slot = slot
        self.namesPhysical = namesPhysical
        self.start = start
        self.term = term
        self.timeline = timeline
    }
}

/// Why a command is not understood; positions are in bytes of UTF-8 from the start of the text.
public enum ReplicationCommandError: Error, Hashable, Sendable {
    /// No command that is known.
    case unsupported(String)
    /// A command that ends or goes on otherwise than it should.
    case malformed(command: String, position: Int, expected: String)
    /// One half of the start position has more than 32 bits.
    case startOutOfRange(position: Int)
    /// The term has more than 64 bits.
    case termOutOfRange(position: Int)
    /// An option of START_WAL_PUSH without a value, or with one that it does not allow.
    case invalidOption(name: String, value: String?, position: Int)
}

extension ReplicationCommandError: CustomStringConvertible {
    /// The text for the client, that of other implementations where there is one.
    public var description: String {
        switch self {
        case .unsupported(let text):
            "unsupported command \(text)"
        case .malformed(let command, let position, let expected):
            "failed to parse \(ReplicationCommand.name(of: command)) command \(command): "
                + "expected \(expected) at position \(position)"
        case .startOutOfRange(let position):
            "parse start LSN from START_REPLICATION command: LsnParseError at position \(position)"
        case .termOutOfRange(let position):
            "invalid term: number too large to fit in target type at position \(position)"
        case .invalidOption(let name, nil, let position):
            "failed to parse START_WAL_PUSH command: option '\(name)' without a value at position \(position)"
        case .invalidOption(let name, let value?, let position):
            "failed to parse START_WAL_PUSH command: invalid value '\(value)' of \(name) at position \(position)"
        }
    }
}
