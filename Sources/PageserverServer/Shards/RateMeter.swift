internal import PostgresWAL
internal import Synchronization

/// How fast a shard advances, over the last ten seconds or so.
final class RateMeter: Sendable {
    /// What is counted.
    struct Sample: Hashable, Sendable {
        var time: ContinuousClock.Instant
        var lsn: LSN
        var payloadBytes: UInt64
        var records: UInt64
    }

    /// Changes a second.
    struct Rates: Hashable, Sendable {
        var walBytes = 0.0
        var payloadBytes = 0.0
        var records = 0.0
    }

    /// How many samples are kept.
    private static let count = 10

    private let samples = Mutex<[Sample]>([])

    func add(_ sample: Sample) {
        samples.withLock { samples in
            if samples.count == Self.count { samples.removeFirst() }
            samples.append(sample)
        }
    }

    var rates: Rates {
        samples.withLock { samples in
            guard let first = samples.first, let last = samples.last, last.time > first.time else { return Rates() }
            let seconds = (last.time - first.time) / .seconds(1)
            return Rates(
                walBytes: Double(last.lsn.distance(from: first.lsn) ?? 0) / seconds,
                payloadBytes: Double(last.payloadBytes &- first.payloadBytes) / seconds,
                records: Double(last.records &- first.records) / seconds
            )
        }
    }
}
