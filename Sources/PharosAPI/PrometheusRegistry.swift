package import Metrics
import Synchronization

/// Keeps the process' metrics and writes them as Prometheus text.
///
/// It has the exposition format 0.0.4. Any thread.
///
/// A label of swift-metrics is the metric's name, a dimension is a label. The number of names and of label combinations
/// per name is limited: further combinations share one series whose label values are all `overflow`, further names
/// share one of their type, see `Kind.overflow`.
package final class PrometheusRegistry: MetricsFactory, Sendable {
    enum Kind: String {
        case counter, gauge, histogram

        /// The name of the counter of series without room.
        ///
        /// A counter's name ends in `_total`, and no name ends in its type: so `promtool check metrics` wants it.
        var overflow: String {
            switch self {
            case .counter: "metrics_overflow_total"
            case .gauge: "metrics_overflow_values"
            case .histogram: "metrics_overflow_distribution"
            }
        }
    }

    struct Family {
        let kind: Kind
        /// By rendered labels, for example `{code="101"}`; empty without labels.
        var series: [String: any PrometheusSeries] = [:]
    }

    package let familyLimit: Int
    package let seriesLimit: Int
    let families = Mutex<[String: Family]>([:])
    private let helps = Mutex<[String: String]>([:])

    /// - Parameters:
    ///   - familyLimit: names.
    ///   - seriesLimit: label combinations of one name.
    package init(familyLimit: Int = 500, seriesLimit: Int = 200) {
        self.familyLimit = familyLimit
        self.seriesLimit = seriesLimit
    }

    /// Says in the output what the metric `name` counts.
    package func describe(_ name: String, _ help: String) {
        let name = PrometheusText.name(name)
        helps.withLock { $0[name] = help }
    }

    /// All metrics, sorted by name and labels.
    package func text() -> String {
        let families = families.withLock { $0 }
        let helps = helps.withLock { $0 }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) where !family.series.isEmpty {
            text += "# HELP \(name) \(PrometheusText.help(helps[name] ?? name))\n"
            text += "# TYPE \(name) \(family.kind.rawValue)\n"
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                series.write(name: name, labels: labels, to: &text)
            }
        }
        return text
    }

    // MARK: MetricsFactory

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, .counter) { CounterSeries() }
    }

    package func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(label, dimensions, .counter) { FloatingPointSeries() }
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions, .gauge) { FloatingPointSeries() }
    }

    package func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        if aggregate {
            return series(label, dimensions, .histogram) { HistogramSeries(bounds: HistogramSeries.valueBounds) }
        }
        return series(label, dimensions, .gauge) { FloatingPointSeries() }
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions, .histogram) { HistogramSeries(bounds: HistogramSeries.secondsBounds) }
    }

    package func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    package func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
    package func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    package func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    // MARK: Details

    /// The series of this name and these labels; handlers of the same metric share it.
    private func series<Series: PrometheusSeries>(
        _ label: String, _ dimensions: [(String, String)], _ kind: Kind, make: () -> Series
    ) -> Series {
        let name = PrometheusText.name(label)
        let labels = PrometheusText.labels(dimensions)
        return families.withLock { families in
            // One name has one type in this format; a second type of the same name becomes a name of its own.
            let overflow = kind.overflow
            for name in [name, "\(name)_\(kind.rawValue)", overflow] {
                let isOverflow = name == overflow
                guard isOverflow || families[name] != nil || families.count < familyLimit else { continue }
                var family = families[name] ?? Family(kind: kind)
                guard family.kind == kind else { continue }
                let fits = family.series[labels] != nil || family.series.count < seriesLimit
                let key = fits && !isOverflow ? labels : PrometheusText.labels(dimensions.map { ($0.0, "overflow") })
                if let known = family.series[key] {
                    guard let known = known as? Series else { continue }
                    return known
                }
                guard fits || family.series.count < 2 * seriesLimit else { continue }
                let series = make()
                family.series[key] = series
                families[name] = family
                return series
            }
            // Even the overflow is full: it is not counted, but the caller's handle works.
            return make()
        }
    }

    private func remove(_ handler: AnyObject) {
        families.withLock { families in
            for (name, var family) in families {
                let left = family.series.filter { $0.value !== handler }
                guard left.count < family.series.count else { continue }
                family.series = left
                families[name] = left.isEmpty ? nil : family
            }
        }
    }
}
