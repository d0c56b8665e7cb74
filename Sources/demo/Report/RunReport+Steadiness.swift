// Whether memory and lag stay where they are while the load does.

/// How something was in three parts of a time, each as long as the others.
package struct Thirds: Hashable, Sendable {
    /// The mean of the values in the first, the middle and the last one.
    package let means: [Double]
    /// The largest of all values.
    package let largest: Double

    /// How few values say nothing.
    private static let fewest = 30

    /// Nil if there are too few values, or none in one of the parts.
    ///
    /// - Parameter points: seconds and values, in order of time.
    package init?(_ points: [(seconds: Double, value: Double)]) {
        guard points.count >= Self.fewest, let first = points.first, let last = points.last else { return nil }
        let length = (last.seconds - first.seconds) / 3
        var sums = [(total: Double, count: Double)](repeating: (0, 0), count: 3)
        for point in points {
            let part = length > 0 ? min(Int((point.seconds - first.seconds) / length), 2) : 0
            sums[part].total += point.value
            sums[part].count += 1
        }
        guard sums.allSatisfy({ $0.count > 0 }) else { return nil }
        means = sums.map { $0.total / $0.count }
        largest = points.map(\.value).max() ?? 0
    }

    /// Whether the last part's mean is above the middle one's by no more than a factor and an amount.
    ///
    /// The first part does not count: caches fill up in it.
    package func isFlat(factor: Double, amount: Double) -> Bool {
        means[2] <= means[1] * factor + amount
    }
}

extension RunReport {
    /// What the server's processes together are called.
    package static let serverName = "PostgreSQL"

    /// How far the mean of the last third may be above that of the middle one.
    package enum Bound {
        /// Of a process's memory.
        package static let memory = (factor: 1.05, amount: 8e6)
        /// Of the lag of the shard that is furthest behind.
        package static let lag = (factor: 1.2, amount: 4e6)
    }

    /// The processes whose memory was looked at, by their names.
    package var processes: [String] { Set(samples.flatMap(\.resident.keys)).sorted() }

    /// The memory of a process over time; nil where it didn't run.
    package func memory(of process: String) -> [(seconds: Double, value: Double?)] {
        samples.map { ($0.seconds, $0.resident[process].map { Double($0) }) }
    }

    /// How the memory of a process was while the load was steady and the process ran, since it was started last.
    package func memoryThirds(of process: String) -> Thirds? {
        let points = steadySamples.map { ($0.seconds, $0.resident[process]) }
        let start = (points.lastIndex { $0.1 == nil }).map { $0 + 1 } ?? 0
        return Thirds(points[start...].compactMap { seconds, bytes in bytes.map { (seconds, Double($0)) } })
    }

    /// How the largest lag of a shard was while the load was steady.
    package var lagThirds: Thirds? {
        Thirds(steadySamples.compactMap { sample in sample.largestLag.map { (sample.seconds, Double($0)) } })
    }

    private var steadySamples: [Sample] {
        guard let steady else { return [] }
        return samples.filter { steady.contains($0.seconds) }
    }

    /// Whether everything has stayed where it was; what can't be told counts as wrong.
    package func steadinessChecks() -> [Check] {
        let memory = processes.map { process in
            check("memory of \(process)", memoryThirds(of: process), Bound.memory)
        }
        return memory + [check("lag of the shards", lagThirds, Bound.lag)]
    }

    private func check(_ name: String, _ thirds: Thirds?, _ bound: (factor: Double, amount: Double)) -> Check {
        guard let thirds else { return Check(name, passed: false, detail: "too few values to tell") }
        let means = thirds.means.map { Quantity.bytes(UInt64($0)) }
        return Check(
            name,
            passed: thirds.isFlat(factor: bound.factor, amount: bound.amount),
            detail: """
                \(means[0]), \(means[1]) and \(means[2]) on average in the thirds of its time, \
                \(Quantity.bytes(UInt64(thirds.largest))) at most; flat is up to \(Quantity.significant(bound.factor)) \
                times the middle third and \(Quantity.bytes(UInt64(bound.amount)))
                """
        )
    }
}
