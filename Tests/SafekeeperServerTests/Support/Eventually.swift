import Testing

/// Waits until something that other tasks bring about is so; fails after a long time.
///
/// Only for what gives no sign of its own: a count of tasks that sleep, a line in a log. The time is long because tests
/// that only compute can keep all threads that tasks share busy for half a minute.
func eventually(
    _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ isSo: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + .seconds(180)
    while try await !isSo() {
        if ContinuousClock.now > end {
            Issue.record("not within 180 s: \(what)", sourceLocation: sourceLocation)
            throw CancellationError()
        }
        try await Task.sleep(for: .microseconds(200))
    }
}
