import Foundation

/// How long something took, many times over.
package struct LatencyDistribution: Hashable, Sendable {
    /// The times in microseconds, in order.
    private let sorted: [UInt64]

    /// - Parameter microseconds: the times, in any order.
    package init(microseconds: [UInt64]) {
        sorted = microseconds.sorted()
    }

    /// How many times it was measured.
    package var count: Int { sorted.count }

    /// The time that a part of all, 0 to 1, did not exceed, in milliseconds; nil if there are none.
    package func quantile(_ part: Double) -> Double? {
        guard !sorted.isEmpty else { return nil }
        let rank = Int((part * Double(sorted.count)).rounded(.up))
        return Double(sorted[min(max(rank, 1), sorted.count) - 1]) / 1000
    }

    /// A range of times and how many were in it.
    package struct Bucket: Hashable, Sendable {
        /// Milliseconds; the first is included, the second is not.
        package var from: Double
        package var to: Double
        package var count: Int
    }

    /// Ranges that grow by the square root of two, from the shortest to the longest time; none in between is left out.
    package var buckets: [Bucket] {
        guard let first = sorted.first, let last = sorted.last else { return [] }
        let low = Self.index(of: first)
        var counts = [Int](repeating: 0, count: Self.index(of: last) - low + 1)
        for time in sorted { counts[Self.index(of: time) - low] += 1 }
        return counts.enumerated().map { offset, count in
            Bucket(from: Self.bound(low + offset), to: Self.bound(low + offset + 1), count: count)
        }
    }

    private static func index(of microseconds: UInt64) -> Int {
        let index = Int((log2(Double(max(microseconds, 1))) * 2).rounded(.down))
        // A power that was rounded may be on the wrong side of the time.
        if bound(index + 1) * 1000 <= Double(microseconds) { return index + 1 }
        return index
    }

    /// The lower end of a range, in milliseconds.
    private static func bound(_ index: Int) -> Double {
        exp2(Double(index) / 2) / 1000
    }
}

extension LatencyDistribution {
    /// Reads the files that `pgbench --log` writes: the third word of each line is the time in microseconds.
    ///
    /// Lines that are none are passed over: a client that is ended leaves half a line.
    package init(pgbenchLogs texts: [String]) {
        var times: [UInt64] = []
        for text in texts {
            for line in text.split(separator: "\n") {
                let words = line.split(separator: " ")
                if words.count >= 6, let time = UInt64(words[2]) { times.append(time) }
            }
        }
        self.init(microseconds: times)
    }
}
