import CAllocationCount
import Foundation

/// Measures several things in turn, round after round, and keeps the best round of each.
struct Measurement {
    private var entries: [(name: String, work: () throws -> Void)] = []
    private(set) var best: [String: Double] = [:]
    private(set) var allocations: [String: UInt64] = [:]

    /// Adds something to measure; it returns nothing, so it has to keep what it computes from being optimised away.
    mutating func add(_ name: String, _ work: @escaping () throws -> Void) {
        entries.append((name, work))
    }

    /// Measures everything `rounds` times after one round that only warms up.
    mutating func run(rounds: Int) throws {
        for round in 0...rounds {
            for (name, work) in entries {
                let allocationsBefore = callocation_count()
                let before = processorSeconds()
                try work()
                let seconds = processorSeconds() - before
                allocations[name] = callocation_count() - allocationsBefore
                if round > 0 { best[name] = min(best[name] ?? .infinity, seconds) }
            }
        }
    }

    /// The best round's seconds.
    func seconds(_ name: String) -> Double {
        guard let seconds = best[name] else { preconditionFailure("\(name) was not measured") }
        return seconds
    }
}

/// Processor time of this process and of the children it has waited for, user and system, in seconds.
private func processorSeconds() -> Double {
    [__rusage_who_t(RUSAGE_SELF.rawValue), __rusage_who_t(RUSAGE_CHILDREN.rawValue)].reduce(0) { sum, who in
        var usage = rusage()
        getrusage(who, &usage)
        return sum + seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}

private func seconds(_ time: timeval) -> Double {
    Double(time.tv_sec) + Double(time.tv_usec) / 1e6
}

/// Keeps a result from being optimised away.
@inline(never)
func keep<Value>(_ value: Value) {
    withExtendedLifetime(value) {}
}
