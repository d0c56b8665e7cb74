internal import CoreMetrics
internal import Synchronization

/// Where a series is registered.
struct SeriesPlace: Sendable {
    /// The metric's name.
    let name: String
    /// The series' labels.
    let labels: MetricLabels
}

/// A series of one of the types.
protocol MetricSeries: AnyObject, Sendable {
    /// The type of the metrics that have such series.
    static var kind: MetricKind { get }

    /// Where it can be destroyed; nil for one that can't be: it isn't shown, or stands for others.
    var place: SeriesPlace? { get }

    /// Writes the series' lines.
    func write(to samples: inout MetricsExposition.Samples, _ labels: MetricLabels)
}

/// A counter of whole numbers: one atomic addition for each increment.
final class CounterSeries: CounterHandler, MetricSeries {
    static let kind = MetricKind.counter
    let place: SeriesPlace?
    private let total = Atomic<Int64>(0)

    init(_ place: SeriesPlace?) {
        self.place = place
    }

    /// Adds to the counter; anything below zero is left out, as a counter never falls.
    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        total.wrappingAdd(amount, ordering: .relaxed)
    }

    /// Begins at zero again.
    func reset() {
        total.store(0, ordering: .relaxed)
    }

    func write(to samples: inout MetricsExposition.Samples, _ labels: MetricLabels) {
        samples.sample(.integer(UInt64(max(total.load(ordering: .relaxed), 0))), labels: labels)
    }
}

/// A counter of any numbers.
final class FloatingPointCounterSeries: FloatingPointCounterHandler, MetricSeries {
    static let kind = MetricKind.counter
    let place: SeriesPlace?
    private let total = AtomicDouble(0)

    init(_ place: SeriesPlace?) {
        self.place = place
    }

    /// Adds to the counter; anything but a finite number above zero is left out.
    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        total.add(amount)
    }

    /// Begins at zero again.
    func reset() {
        total.store(0)
    }

    func write(to samples: inout MetricsExposition.Samples, _ labels: MetricLabels) {
        samples.sample(.real(total.load()), labels: labels)
    }
}

/// A gauge; one that is told whole numbers shows them with all their digits, up to 2^53.
final class GaugeSeries: MeterHandler, RecorderHandler, MetricSeries {
    static let kind = MetricKind.gauge
    let place: SeriesPlace?
    private let current = AtomicDouble(0)

    init(_ place: SeriesPlace?) {
        self.place = place
    }

    func set(_ value: Int64) {
        current.store(Double(value))
    }

    func set(_ value: Double) {
        current.store(value)
    }

    func increment(by amount: Double) {
        current.add(amount)
    }

    func decrement(by amount: Double) {
        current.add(-amount)
    }

    func record(_ value: Int64) {
        set(value)
    }

    func record(_ value: Double) {
        set(value)
    }

    func write(to samples: inout MetricsExposition.Samples, _ labels: MetricLabels) {
        samples.sample(.real(current.load()), labels: labels)
    }
}

/// A histogram: an atomic addition to a bucket, and one to the sum.
///
/// A scrape between the two sees a value in its bucket that isn't in the sum yet; the count is that of the buckets.
final class HistogramSeries: RecorderHandler, TimerHandler, MetricSeries {
    static let kind = MetricKind.histogram
    let place: SeriesPlace?
    /// The buckets' upper bounds in rising order; a value on a bound is below it.
    let bounds: [Double]
    private let counts: AtomicCounts
    private let sum = AtomicDouble(0)

    init(_ place: SeriesPlace?, bounds: [Double]) {
        self.place = place
        self.bounds = bounds
        counts = AtomicCounts(count: bounds.count + 1)
    }

    func record(_ value: Int64) {
        record(Double(value))
    }

    /// Adds a value; not a number is left out.
    func record(_ value: Double) {
        guard !value.isNaN else { return }
        var bucket = 0
        while bucket < bounds.count && value > bounds[bucket] { bucket += 1 }
        counts.increment(bucket)
        sum.add(value)
    }

    /// Adds a time, in seconds.
    func recordNanoseconds(_ duration: Int64) {
        record(Double(duration) / 1e9)
    }

    func write(to samples: inout MetricsExposition.Samples, _ labels: MetricLabels) {
        samples.histogram(bounds: bounds, counts: counts.load(), sum: sum.load(), labels: labels)
    }
}
