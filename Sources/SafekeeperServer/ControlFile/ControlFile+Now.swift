internal import Glibc

extension ControlFile.Timestamp {
    /// The system's time of day.
    package static var now: ControlFile.Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return ControlFile.Timestamp(seconds: UInt64(max(0, time.tv_sec)), nanoseconds: UInt32(time.tv_nsec))
    }
}
