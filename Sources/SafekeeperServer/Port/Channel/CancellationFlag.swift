internal import Synchronization

/// Whether a task that waits has been cancelled.
///
/// A cancellation can overtake the wait on the way to the event loop, which then finds the flag up.
final class CancellationFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    var isSet: Bool { flag.load(ordering: .acquiring) }

    func set() {
        flag.store(true, ordering: .releasing)
    }
}
