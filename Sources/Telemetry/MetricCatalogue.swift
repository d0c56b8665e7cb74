/// What is known of metrics by their names: what they mean and how their values are distributed.
///
/// A metric that isn't in it works too, without a help text, and as a histogram with the default buckets.
package struct MetricCatalogue: Sendable {
    /// What is known of one metric.
    package struct Entry: Hashable, Sendable {
        /// What it means, in one sentence.
        package let help: String
        /// A histogram's upper bounds, in rising order.
        package let buckets: [Double]
        /// How many series it may have; nil for as many as the registry's limits say.
        package let maximumSeries: Int?

        package init(_ help: String, buckets: [Double] = MetricCatalogue.defaultBuckets, maximumSeries: Int? = nil) {
            precondition(zip(buckets, buckets.dropFirst()).allSatisfy { $0 < $1 }, "bounds rise: \(buckets)")
            self.help = help
            self.buckets = buckets
            self.maximumSeries = maximumSeries
        }
    }

    private let entries: [String: Entry]

    /// Bounds for times in seconds, from 1 ms to 30 s.
    ///
    /// Source: `safekeeper-operations.md` §3, FSYNC.
    package static let defaultBuckets: [Double] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30]

    package init(_ entries: [String: Entry] = [:]) {
        self.entries = entries
    }

    subscript(name: String) -> Entry? { entries[name] }
}
