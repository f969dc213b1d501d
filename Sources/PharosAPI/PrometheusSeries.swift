import Metrics
import Synchronization

/// One line, or the lines of one histogram, in the metrics' text.
protocol PrometheusSeries: AnyObject, Sendable {
    /// - Parameter labels: rendered, with braces, or empty.
    func write(name: String, labels: String, to text: inout String)
}

/// A count that only grows.
final class CounterSeries: PrometheusSeries, CounterHandler {
    private let value = Atomic<Int64>(0)

    func increment(by amount: Int64) {
        value.add(amount, ordering: .relaxed)
    }

    func reset() {
        value.store(0, ordering: .relaxed)
    }

    func write(name: String, labels: String, to text: inout String) {
        text += "\(name)\(labels) \(value.load(ordering: .relaxed))\n"
    }
}

/// A number that may go up and down: gauges and meters, and counters of fractions.
final class FloatingPointSeries: PrometheusSeries, FloatingPointCounterHandler, MeterHandler, RecorderHandler {
    private let value = Mutex(0.0)

    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func set(_ value: Int64) { self.value.withLock { $0 = Double(value) } }
    func set(_ value: Double) { self.value.withLock { $0 = value } }
    func record(_ value: Int64) { set(value) }
    func record(_ value: Double) { set(value) }
    func reset() { set(0.0) }

    func write(name: String, labels: String, to text: inout String) {
        text += "\(name)\(labels) \(PrometheusText.number(value.withLock { $0 }))\n"
    }
}

/// How often values fell into each of some fixed ranges.
final class HistogramSeries: PrometheusSeries, RecorderHandler, TimerHandler {
    /// Seconds, from half a millisecond to ten seconds.
    static let secondsBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    /// Bytes, counts and the like: powers of four.
    static let valueBounds: [Double] = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576]

    private struct State {
        var counts: [UInt64]
        var count: UInt64 = 0
        var sum = 0.0
    }

    private let bounds: [Double]
    private let state: Mutex<State>

    init(bounds: [Double]) {
        self.bounds = bounds
        self.state = Mutex(State(counts: [UInt64](repeating: 0, count: bounds.count)))
    }

    func record(_ value: Int64) { record(Double(value)) }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    func record(_ value: Double) {
        let bucket = bounds.firstIndex { value <= $0 }
        state.withLock { state in
            if let bucket { state.counts[bucket] += 1 }
            state.count += 1
            state.sum += value
        }
    }

    func write(name: String, labels: String, to text: inout String) {
        let state = state.withLock { $0 }
        var total: UInt64 = 0
        for (bound, count) in zip(bounds, state.counts) {
            total += count
            let labels = PrometheusText.adding("le", PrometheusText.number(bound), to: labels)
            text += "\(name)_bucket\(labels) \(total)\n"
        }
        text += "\(name)_bucket\(PrometheusText.adding("le", "+Inf", to: labels)) \(state.count)\n"
        text += "\(name)_sum\(labels) \(PrometheusText.number(state.sum))\n"
        text += "\(name)_count\(labels) \(state.count)\n"
    }
}
