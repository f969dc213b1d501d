package import Metrics

/// The batches of the engine that several nodes share, as distributions.
///
/// Their sizes, and how long each took.
package struct EngineMetrics: Sendable {
    private let publications: Recorder
    private let duration: Metrics.Timer

    /// - Parameter engine: its name in the configuration.
    package init(factory: any MetricsFactory, engine: String) {
        let dimensions = [("engine", engine)]
        publications = Recorder(
            label: "pharos_engine_batch_publications", dimensions: dimensions, aggregate: true, factory: factory)
        duration = Metrics.Timer(
            label: "pharos_engine_round_trip_seconds", dimensions: dimensions, factory: factory)
    }

    /// A batch was answered. Any thread.
    package func note(publications count: Int, nanoseconds: Int64) {
        publications.record(count)
        duration.recordNanoseconds(nanoseconds)
    }
}
