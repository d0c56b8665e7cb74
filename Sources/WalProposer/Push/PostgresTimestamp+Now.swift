internal import Glibc
internal import ReplicationProtocol

extension PostgresTimestamp {
    /// The time of day.
    static var now: PostgresTimestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return PostgresTimestamp(unixSeconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec)) ?? .epoch
    }
}
