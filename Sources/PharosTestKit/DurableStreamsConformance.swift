package import PharosDomain

/// The guarantees of a durable store beyond `StreamStoreConformance`.
///
/// Its tests go through all of these, each with a fresh store.
package enum DurableStreamsConformance: String, CaseIterable, Sendable {
    case completionsKeepTheOrderOfSubmission

    /// Checks one guarantee on a fresh store.
    ///
    /// Throws `ConformanceFailure`.
    package func check(_ streams: any DurableStreams, _ store: any StreamStoreUnderTest) async throws {
        let bench = StoreBench(store: store)
        switch self {
        case .completionsKeepTheOrderOfSubmission: try await bench.completionsKeepTheOrderOfSubmission(streams)
        }
    }
}
