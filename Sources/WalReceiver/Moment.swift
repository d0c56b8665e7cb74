public import ReplicationProtocol

/// A point in time, for a state machine that has no clock.
public struct Moment: Hashable, Sendable {
    /// The time since some moment in the past; never goes back.
    public var uptime: Duration
    /// The time of day.
    public var wall: PostgresTimestamp

    /// Makes a point in time.
    public init(uptime: Duration, wall: PostgresTimestamp) {
        self.uptime = uptime
        self.wall = wall
    }
}
