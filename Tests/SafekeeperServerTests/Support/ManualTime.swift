import SafekeeperServer
import Synchronization

/// Time that stands still until a test moves it.
final class ManualTime: TimeSource {
    private struct Sleeper {
        let deadline: Duration
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var now = Duration.seconds(1000)
        var sleepers: [UInt64: Sleeper] = [:]
        var nextNumber: UInt64 = 0
        var cancelled: Set<UInt64> = []
        var sleepCount = 0
    }

    private let state = Mutex(State())

    var now: Duration { state.withLock { $0.now } }

    var timestamp: ControlFile.Timestamp { ControlFile.Timestamp(seconds: 1_735_689_600, nanoseconds: 0) }

    /// How many sleep now.
    var sleeperCount: Int { state.withLock { $0.sleepers.count } }

    /// How often anybody went to sleep so far.
    var sleepCount: Int { state.withLock { $0.sleepCount } }

    func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.now += duration
            let woken = state.sleepers.filter { $0.value.deadline <= state.now }
            for number in woken.keys { state.sleepers[number] = nil }
            return woken.values.sorted { $0.deadline < $1.deadline }
        }
        for sleeper in woken { sleeper.continuation.resume(returning: true) }
    }

    func sleep(until deadline: Duration) async throws(CancellationError) {
        let number = state.withLock { state in
            defer { state.nextNumber += 1 }
            state.sleepCount += 1
            return state.nextNumber
        }
        let isOver = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result = state.withLock { state -> Bool? in
                    if state.cancelled.remove(number) != nil { return false }
                    if state.now >= deadline { return true }
                    state.sleepers[number] = Sleeper(deadline: deadline, continuation: continuation)
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                if let sleeper = state.sleepers.removeValue(forKey: number) { return Optional(sleeper) }
                state.cancelled.insert(number)
                return nil
            }
            sleeper?.continuation.resume(returning: false)
        }
        if !isOver { throw CancellationError() }
    }
}
