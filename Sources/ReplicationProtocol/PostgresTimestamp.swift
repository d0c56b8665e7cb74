/// A point in time as PostgreSQL sends it: microseconds since 2000-01-01 00:00:00 UTC, negative before.
///
/// Source: `replication-protocol.md`, conventions.
@frozen
public struct PostgresTimestamp: Hashable, Comparable, Sendable {
    /// The microseconds since the start of 2000.
    public var microseconds: Int64

    /// Makes a point in time.
    @inlinable
    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// The start of 2000, which also stands for "unknown" in feedback.
    @inlinable
    public static var epoch: PostgresTimestamp { PostgresTimestamp(microseconds: 0) }

    /// Seconds from the Unix epoch to this one.
    @inlinable
    public static var unixEpochOffsetSeconds: Int64 { 946_684_800 }

    /// Takes a Unix time; nil if it is too far from 2000 to be written in 64 bits of microseconds.
    public init?(unixSeconds: Int64, nanoseconds: Int64 = 0) {
        let (seconds, early) = unixSeconds.subtractingReportingOverflow(Self.unixEpochOffsetSeconds)
        let (whole, large) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, beyond) = whole.addingReportingOverflow(nanoseconds / 1000)
        guard !early, !large, !beyond else { return nil }
        self.init(microseconds: sum)
    }

    /// Orders by time.
    @inlinable
    public static func < (lhs: PostgresTimestamp, rhs: PostgresTimestamp) -> Bool {
        lhs.microseconds < rhs.microseconds
    }
}
