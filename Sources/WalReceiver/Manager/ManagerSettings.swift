/// When the connection manager changes to another safekeeper.
///
/// Source: `ingest.md` §1.4, §1.5.
public struct ManagerSettings: Hashable, Sendable {
    /// How long connecting may take, and how long a connection may be silent; safekeepers speak every second.
    public var connectTimeout = Duration.seconds(10)
    /// How old news of a safekeeper may be, and how long we wait for WAL that another one has.
    public var laggingTimeout = Duration.seconds(10)
    /// Bytes of committed WAL that another safekeeper has to be ahead to be changed to at once.
    public var maximumLag: UInt64 = 1 << 30
    /// Where we stand: a safekeeper there is preferred.
    public var availabilityZone: String?
    /// The first pause before a safekeeper is tried again.
    public static let firstRetryPause = Duration.milliseconds(100)
    /// The longest one; each is half as long again as the one before.
    public static let longestRetryPause = Duration.seconds(15)

    /// Makes the standard settings.
    public init() {}
}

/// Why a safekeeper is connected to.
///
/// The raw values are labels of upstream's metrics.
public enum SwitchReason: String, Hashable, Sendable, CaseIterable {
    /// There was no connection.
    case noExistingConnection = "NoExistingConnection"
    /// The other one is far ahead.
    case laggingWAL = "LaggingWal"
    /// The other one stands where we do.
    case availabilityZone = "SwitchAvailabilityZone"
    /// The other one has WAL that we have been waiting for.
    case noWALTimeout = "NoWalTimeout"
    /// Nothing was heard of the one before.
    case noKeepAlives = "NoKeepAlives"
}
