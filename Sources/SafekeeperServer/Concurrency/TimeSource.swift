/// Where time comes from, so that tests can turn the hands themselves.
package protocol TimeSource: Sendable {
    /// The time since some moment in the past; never goes back.
    var now: Duration { get }

    /// The time of day.
    var timestamp: ControlFile.Timestamp { get }

    /// Waits until ``now`` is at least `deadline`; throws if the task is cancelled before.
    func sleep(until deadline: Duration) async throws(CancellationError)
}

/// The system's clocks.
package struct SystemTime: TimeSource {
    private let origin = ContinuousClock.now

    package init() {}

    package var now: Duration { ContinuousClock.now - origin }

    package var timestamp: ControlFile.Timestamp { .now }

    package func sleep(until deadline: Duration) async throws(CancellationError) {
        do {
            try await ContinuousClock().sleep(until: origin + deadline)
        } catch {
            throw CancellationError()
        }
    }
}
