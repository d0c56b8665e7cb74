public import InterpretedWAL
public import ShardIdentity

/// What a client of a safekeeper names in the `options` of its session.
///
/// Source: `replication-protocol.md` §1.4.
public struct SafekeeperStartupOptions: Hashable, Sendable {
    /// The tenant; without it no command can be run.
    public var tenant: TenantID?
    /// The timeline; without it no command can be run.
    public var timeline: TimelineID?
    /// How WAL is to be sent, and to which shard.
    public var receiver: Receiver
    /// Where the client is, for metrics.
    public var availabilityZone: String?

    /// How WAL is to be sent.
    public enum Receiver: Hashable, Sendable {
        /// Raw.
        case vanilla
        /// Interpreted, with what concerns one shard.
        case interpreted(WireFormat, ShardIdentity)

        /// The protocol without the shard.
        public var selection: WALReceiverProtocol {
            switch self {
            case .vanilla: .vanilla
            case .interpreted(let format, _): .interpreted(format)
            }
        }
    }

    /// Makes options; without any of them WAL is sent raw.
    public init(
        tenant: TenantID? = nil,
        timeline: TimelineID? = nil,
        receiver: Receiver = .vanilla,
        availabilityZone: String? = nil
    ) {
        self.tenant = tenant
        self.timeline = timeline
        self.receiver = receiver
        self.availabilityZone = availabilityZone
    }

    /// Takes the options of a session; throws ``StartupOptionsError``.
    public init(_ message: StartupMessage) throws(StartupOptionsError) {
        self.init()
        if let text = message["options"] { try self.init(text: text) }
    }
}

/// Why options are refused: the session ends without a word to the client.
public enum StartupOptionsError: Error, Hashable, Sendable {
    /// A value that is not what its key takes.
    case invalidValue(key: Key, value: String)
    /// A value of `protocol` that selects none.
    case invalidProtocol(value: String, ProtocolSelectionError)
    /// A shard named for raw WAL.
    case shardForVanilla
    /// No shard, or half of one, named for interpreted WAL.
    case missingShard
    /// A shard that cannot be.
    case invalidShard(ShardIdentityError)

    /// The keys with values of their own form.
    public enum Key: String, Hashable, Sendable {
        /// The tenant.
        case tenant = "tenant id"
        /// The timeline.
        case timeline = "timeline id"
        /// How many shards there are.
        case shardCount = "shard count"
        /// Which of them it is.
        case shardNumber = "shard number"
        /// How many pages there are in a stripe.
        case stripeSize = "shard stripe size"
    }
}

extension StartupOptionsError: CustomStringConvertible {
    /// The text for the log, that of other implementations where there is one.
    public var description: String {
        switch self {
        case .invalidValue(let key, let value): "Failed to parse \(value) as \(key.rawValue)"
        case .invalidProtocol(let value, let error): "Failed to parse \(value) as protocol: \(error)"
        case .shardForVanilla: "Shard params specified for vanilla protocol"
        case .missingShard: "Shard params were not specified"
        case .invalidShard(let error): "\(error)"
        }
    }
}
