internal import PostgresWAL

/// What is known of a safekeeper that could be connected to.
struct Candidate: Hashable, Sendable {
    /// The pause before it is tried again, and when that ends.
    struct Retry: Hashable, Sendable {
        var pause: Duration
        var due: Duration
    }

    var safekeeper: Safekeeper
    /// Whether it is in a list that never gets old.
    var isConfigured: Bool
    /// How far it has committed WAL; nil if nobody has said lately.
    var commitLSN: LSN?
    /// When that was said.
    var updated: Moment?
    var retry: Retry?

    /// Whether it may be connected to now: an empty one is of no use.
    func isEligible(at now: Moment) -> Bool {
        if let retry, retry.due > now.uptime { return false }
        return commitLSN != .invalid && (commitLSN != nil || isConfigured)
    }

    /// Notes that a connection has ended: the pauses grow from one to the next, and begin where the attempt has.
    mutating func noteEnd(ofAttemptAt start: Duration) {
        let pause = retry?.pause ?? ManagerSettings.firstRetryPause
        retry = Retry(pause: min(pause * 3 / 2, ManagerSettings.longestRetryPause), due: start + pause)
    }
}
