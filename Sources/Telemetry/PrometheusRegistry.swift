package import CoreMetrics
internal import Synchronization

/// The metrics of one server, and swift-metrics' way to them; there is no global one, so that servers can share a
/// process.
///
/// Making and destroying a series takes a lock; counting takes none. Two requests for the same name and labels give the
/// same series, so whoever destroys one must own it.
///
/// Bounds, since some labels' values come from clients: a metric has at most ``Limits/seriesPerMetric`` series, unless the
/// catalogue says otherwise. Whoever asks for one more gets the metric's series whose labels all have the value `other`, which is never destroyed. There
/// are at most ``Limits/metrics`` metrics; one more is counted, but not shown. The same holds for a name that is already
/// that of a metric of another type. `telemetry_surplus_series_total` says how often any of this happened.
package final class PrometheusRegistry: MetricsFactory, Sendable {
    /// How much may be registered.
    package struct Limits: Hashable, Sendable {
        /// Metrics.
        package var metrics: Int
        /// Series of one metric, besides the one for all that are too many.
        package var seriesPerMetric: Int

        package init(metrics: Int = 1000, seriesPerMetric: Int = 1000) {
            self.metrics = metrics
            self.seriesPerMetric = seriesPerMetric
        }
    }

    /// Something that has values only when asked; see ``PrometheusRegistry/addCollector(_:)``.
    package typealias Collector = @Sendable (inout MetricsExposition) async -> Void

    private struct Metric {
        let kind: MetricKind
        var series: [MetricLabels: any MetricSeries] = [:]
    }

    private struct State {
        var metrics: [String: Metric] = [:]
        var surplus: UInt64 = 0
        var collectors: [Collector] = []
    }

    private let state = Mutex(State())
    private let catalogue: MetricCatalogue
    private let limits: Limits

    package init(catalogue: MetricCatalogue = MetricCatalogue(), limits: Limits = Limits()) {
        self.catalogue = catalogue
        self.limits = limits
    }

    /// Adds a source of values that are looked up when they are asked for.
    ///
    /// - Parameter collector: writes metrics; it is called at each scrape and must not block.
    package func addCollector(_ collector: @escaping Collector) {
        state.withLock { $0.collectors.append(collector) }
    }

    /// All metrics that have series, sorted by name, and behind them what the collectors say.
    package func exposition() async -> MetricsExposition {
        let (metrics, surplus, collectors) = state.withLock { ($0.metrics, $0.surplus, $0.collectors) }
        var exposition = MetricsExposition()
        for (name, metric) in metrics.sorted(by: { $0.key < $1.key }) where !metric.series.isEmpty {
            exposition.metric(name, metric.kind, help: catalogue[name]?.help) { samples in
                for (labels, series) in metric.series.sorted(by: { $0.key.text < $1.key.text }) {
                    series.write(to: &samples, labels)
                }
            }
        }
        if surplus > 0 {
            exposition.metric(
                "telemetry_surplus_series_total",
                .counter,
                help: "Requests for a series beyond what may be registered",
                .integer(surplus)
            )
        }
        for collector in collectors { await collector(&exposition) }
        return exposition
    }
}

// MARK: - Making and destroying series

extension PrometheusRegistry {
    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions) { place, _ in CounterSeries(place) }
    }

    package func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(label, dimensions) { place, _ in FloatingPointCounterSeries(place) }
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions) { place, _ in GaugeSeries(place) }
    }

    package func makeRecorder(
        label: String,
        dimensions: [(String, String)],
        aggregate: Bool
    ) -> any RecorderHandler {
        aggregate
            ? series(label, dimensions) { place, bounds in HistogramSeries(place, bounds: bounds) }
            : series(label, dimensions) { place, _ in GaugeSeries(place) }
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions) { place, bounds in HistogramSeries(place, bounds: bounds) }
    }

    package func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
    package func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    package func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    package func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    private func series<Series: MetricSeries>(
        _ label: String,
        _ dimensions: [(String, String)],
        _ make: (SeriesPlace?, _ bounds: [Double]) -> Series
    ) -> Series {
        let name = MetricName.metric(label)
        let labels = MetricLabels(dimensions)
        let entry = catalogue[name]
        let bounds = entry?.buckets ?? MetricCatalogue.defaultBuckets
        let maximumSeries = entry?.maximumSeries ?? limits.seriesPerMetric
        return state.withLock { state in
            let hasRoom = state.metrics[name] != nil || state.metrics.count < limits.metrics
            var metric = state.metrics[name] ?? Metric(kind: Series.kind)
            guard hasRoom, metric.kind == Series.kind else {
                state.surplus += 1
                return make(nil, bounds)
            }
            let isSurplus = metric.series[labels] == nil && metric.series.count >= maximumSeries
            if isSurplus { state.surplus += 1 }
            let place = SeriesPlace(name: name, labels: isSurplus ? .overflow(of: dimensions) : labels)
            if let present = metric.series[place.labels] {
                // A counter of whole numbers isn't one of fractions.
                return present as? Series ?? make(nil, bounds)
            }
            let series = make(isSurplus ? nil : place, bounds)
            metric.series[place.labels] = series
            state.metrics[name] = metric
            return series
        }
    }

    private func remove(_ handler: AnyObject) {
        guard let series = handler as? any MetricSeries, let place = series.place else { return }
        state.withLock { state in
            // The place may be another's by now.
            guard state.metrics[place.name]?.series[place.labels] === series else { return }
            state.metrics[place.name]?.series[place.labels] = nil
        }
    }
}
