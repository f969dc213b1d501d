package import PharosDomain

/// What a durable store promises beyond `StreamStorePromise`: its tests go through all of these, each with a fresh store.
package enum DurableStreamsPromise: String, CaseIterable, Sendable {
    case aKeyAnswersTheFirstResult
    case keysBelongToTheirChannel
    case aKeyEndsWithItsWindow
    case aKeyTriedAtOnceStoresOnce
    case anOldVersionIsSuppressed
    case completionsKeepTheOrderOfSubmission

    /// Checks one promise on a store that nothing has happened to yet. Throws `BrokenPromise`.
    package func check(_ streams: any DurableStreams, _ store: any StreamStoreUnderTest) async throws {
        var bench = StoreBench(store: store)
        switch self {
        case .aKeyAnswersTheFirstResult: try await bench.aKeyAnswersTheFirstResult()
        case .keysBelongToTheirChannel: try await bench.keysBelongToTheirChannel()
        case .aKeyEndsWithItsWindow: try await bench.aKeyEndsWithItsWindow()
        case .aKeyTriedAtOnceStoresOnce: try await bench.aKeyTriedAtOnceStoresOnce()
        case .anOldVersionIsSuppressed: try await bench.anOldVersionIsSuppressed()
        case .completionsKeepTheOrderOfSubmission: try await bench.completionsKeepTheOrderOfSubmission(streams)
        }
    }
}
