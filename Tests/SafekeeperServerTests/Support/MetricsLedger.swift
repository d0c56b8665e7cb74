import CoreMetrics
import Synchronization

/// Metrics in memory.
final class MetricsLedger: MetricsFactory, Sendable {
    struct Series: Hashable, Sendable {
        let name: String
        let labels: [String]
    }

    /// What happened to one series.
    struct Record: Sendable {
        /// The sum of a counter, the value of a gauge.
        var value = 0.0
        /// The least value that a gauge has had.
        var minimum = 0.0
        /// What went into a histogram.
        var samples: [Double] = []
    }

    private let records = Mutex<[Series: Record]>([:])

    func record(_ name: String, _ labels: [(String, String)] = []) -> Record? {
        records.withLock { $0[Series(name, labels)] }
    }

    func value(_ name: String, _ labels: [(String, String)] = []) -> Double {
        record(name, labels)?.value ?? 0
    }

    /// The names of all series there are, once for each.
    var names: [String] { records.withLock { $0.keys.map(\.name).sorted() } }

    fileprivate func change(_ series: Series, _ body: (inout Record) -> Void) {
        records.withLock { body(&$0[series, default: Record()]) }
    }

    private func make(_ name: String, _ labels: [(String, String)]) -> Handler {
        let series = Series(name, labels)
        change(series) { _ in }
        return Handler(ledger: self, series: series)
    }

    private func destroy(_ handler: Any) {
        guard let handler = handler as? Handler else { return }
        records.withLock { $0[handler.series] = nil }
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { make(label, dimensions) }
    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler { make(label, dimensions) }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { make(label, dimensions) }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        make(label, dimensions)
    }
    func destroyCounter(_ handler: any CounterHandler) { destroy(handler) }
    func destroyMeter(_ handler: any MeterHandler) { destroy(handler) }
    func destroyTimer(_ handler: any TimerHandler) { destroy(handler) }
    func destroyRecorder(_ handler: any RecorderHandler) { destroy(handler) }

    private final class Handler: CounterHandler, MeterHandler, TimerHandler, RecorderHandler {
        let ledger: MetricsLedger
        let series: Series

        init(ledger: MetricsLedger, series: Series) {
            self.ledger = ledger
            self.series = series
        }

        private func add(_ amount: Double) {
            ledger.change(series) { record in
                record.value += amount
                record.minimum = min(record.minimum, record.value)
            }
        }

        func increment(by amount: Int64) { add(Double(amount)) }
        func reset() { ledger.change(series) { $0 = Record() } }
        func set(_ value: Int64) { set(Double(value)) }
        func set(_ value: Double) { ledger.change(series) { $0.value = value } }
        func increment(by amount: Double) { add(amount) }
        func decrement(by amount: Double) { add(-amount) }
        func record(_ value: Int64) { record(Double(value)) }
        func record(_ value: Double) { ledger.change(series) { $0.samples.append(value) } }
        func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    }
}

extension MetricsLedger.Series {
    fileprivate init(_ name: String, _ labels: [(String, String)]) {
        self.init(name: name, labels: labels.map { "\($0)=\($1)" }.sorted())
    }
}
