public import PostgresWAL
public import ReplicationProtocol
public import ShardIdentity

/// What WAL is pushed, from where and to whom.
public struct WALPushConfiguration: Sendable {
    /// The name that the server knows the connection by, for `synchronous_standby_names`, unless the connection string
    /// says another one.
    public static let applicationName = "walproposer"

    /// How to connect to the server, as libpq takes it: `key=value …` or a URI.
    public var source: String
    /// The physical replication slot to use; without one the server may remove WAL that is still needed.
    public var slot: String?
    /// The safekeepers.
    public var safekeepers: [ProposerConfiguration.Safekeeper]
    /// The generation of the list of safekeepers: see ``ProposerConfiguration/generation``.
    public var generation: Generation
    /// What safekeepers are shown as a password: a token.
    public var token: String?
    /// The tenant.
    public var tenant: TenantID
    /// The timeline.
    public var timeline: TimelineID
    /// Whether the timeline is made where it is not there yet, and the slot as well.
    public var creates: Bool
    /// Where a new timeline begins, the start of a record.
    ///
    /// Without it, it is where the server's last checkpoint begins. If the timeline is there already, it has to start here.
    public var startLSN: LSN?
    /// Times and bounds towards safekeepers.
    public var limits = ProposerLimits()
    /// The newest WAL held in memory, in bytes; when a quorum has not been sent that much, no more is read.
    public var windowBytes = 64 << 20
    /// How often the server is told how far its WAL is durable while nothing changes.
    public var statusInterval = Duration.seconds(1)
    /// How long the server may be silent before the connection is made anew; it is asked for a sign of life before.
    public var silenceLimit = Duration.seconds(30)

    /// Makes a configuration.
    public init(
        source: String,
        slot: String? = nil,
        safekeepers: [ProposerConfiguration.Safekeeper],
        generation: Generation = .invalid,
        token: String? = nil,
        tenant: TenantID,
        timeline: TimelineID,
        creates: Bool = false,
        startLSN: LSN? = nil
    ) {
        self.source = source
        self.slot = slot
        self.safekeepers = safekeepers
        self.generation = generation
        self.token = token
        self.tenant = tenant
        self.timeline = timeline
        self.creates = creates
        self.startLSN = startLSN
    }
}
