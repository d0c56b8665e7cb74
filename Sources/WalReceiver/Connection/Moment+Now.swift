internal import Glibc
internal import ReplicationProtocol

extension Moment {
    private static let origin = ContinuousClock.now

    /// The time by the system's clocks; the uptime is that of this process.
    static var now: Moment {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let wall = PostgresTimestamp(unixSeconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
        return Moment(uptime: ContinuousClock.now - origin, wall: wall ?? .epoch)
    }

    /// Waits until the uptime is reached, or the task is cancelled.
    static func sleep(until uptime: Duration) async {
        try? await ContinuousClock().sleep(until: origin + uptime)
    }
}
