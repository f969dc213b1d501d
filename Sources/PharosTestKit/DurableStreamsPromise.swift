package import PharosDomain

/// What a durable store promises beyond `StreamStorePromise`: its tests go through all of these, each with a fresh store.
package enum DurableStreamsPromise: String, CaseIterable, Sendable {
    case completionsKeepTheOrderOfSubmission

    /// Checks one promise on a store that nothing has happened to yet. Throws `BrokenPromise`.
    package func check(_ streams: any DurableStreams, _ store: any StreamStoreUnderTest) async throws {
        let bench = StoreBench(store: store)
        switch self {
        case .completionsKeepTheOrderOfSubmission: try await bench.completionsKeepTheOrderOfSubmission(streams)
        }
    }
}
