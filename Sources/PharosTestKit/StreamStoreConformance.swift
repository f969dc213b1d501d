package import PharosDomain

/// The guarantees of every stream store, in memory or on a disk.
///
/// A driver's tests go through all of these, each with a fresh store. A durable store has further ones, see
/// `DurableStreamsConformance`.
///
/// Streams are used with the retention that `retention` describes unless a case says otherwise.
package enum StreamStoreConformance: String, CaseIterable, Sendable {
    case numbersFromOneWithoutGap
    case positionIsThatOfTheStoredPublication
    case readsAfterAPosition
    case readsAtMostTheLimit
    case readsBackwards
    case readsNothingBeyondItsEnds
    case keepsTheNewestBySize
    case keepsOneOnly
    case entriesExpireOneByOne
    case topOutlivesThePublications
    case lostMemoryMeansANewEpoch
    case usingAStreamKeepsItsMemory
    case memoryWithoutAnEndStays
    case removingHistoryKeepsThePosition
    case streamsAreSeparate
    case namesAreBytes
    case publicationsComeBackUnchanged
    case aSmallerSizeTrimsAtTheNextAppend
    case aClockStepChangesNoOrder
    case concurrentWritersLeaveNoGap
    case readersSeeAppendsWhole
    case lookingSaysTheFirstEpoch
    case aKeyAnswersTheFirstResult
    case keysBelongToTheirChannel
    case aKeyEndsWithItsWindow
    case aKeyTriedAtOnceStoresOnce
    case anOldVersionIsSuppressed
    case rulesOfPublishingCombine

    package static let retention = StreamRetention(size: 5, ttlMs: 10_000, metaTTLMs: 60_000)

    /// Checks one guarantee on a fresh store.
    ///
    /// Throws `ConformanceFailure`.
    package func check(_ store: any StreamStoreUnderTest) async throws {
        var bench = StoreBench(store: store)
        switch self {
        case .numbersFromOneWithoutGap: try await bench.numbersFromOneWithoutGap()
        case .positionIsThatOfTheStoredPublication: try await bench.positionIsThatOfTheStoredPublication()
        case .readsAfterAPosition: try await bench.readsAfterAPosition()
        case .readsAtMostTheLimit: try await bench.readsAtMostTheLimit()
        case .readsBackwards: try await bench.readsBackwards()
        case .readsNothingBeyondItsEnds: try await bench.readsNothingBeyondItsEnds()
        case .keepsTheNewestBySize: try await bench.keepsTheNewestBySize()
        case .keepsOneOnly: try await bench.keepsOneOnly()
        case .entriesExpireOneByOne: try await bench.entriesExpireOneByOne()
        case .topOutlivesThePublications: try await bench.topOutlivesThePublications()
        case .lostMemoryMeansANewEpoch: try await bench.lostMemoryMeansANewEpoch()
        case .usingAStreamKeepsItsMemory: try await bench.usingAStreamKeepsItsMemory()
        case .memoryWithoutAnEndStays: try await bench.memoryWithoutAnEndStays()
        case .removingHistoryKeepsThePosition: try await bench.removingHistoryKeepsThePosition()
        case .streamsAreSeparate: try await bench.streamsAreSeparate()
        case .namesAreBytes: try await bench.namesAreBytes()
        case .publicationsComeBackUnchanged: try await bench.publicationsComeBackUnchanged()
        case .aSmallerSizeTrimsAtTheNextAppend: try await bench.aSmallerSizeTrimsAtTheNextAppend()
        case .aClockStepChangesNoOrder: try await bench.aClockStepChangesNoOrder()
        case .concurrentWritersLeaveNoGap: try await bench.concurrentWritersLeaveNoGap()
        case .readersSeeAppendsWhole: try await bench.readersSeeAppendsWhole()
        case .lookingSaysTheFirstEpoch: try await bench.lookingSaysTheFirstEpoch()
        case .aKeyAnswersTheFirstResult: try await bench.aKeyAnswersTheFirstResult()
        case .keysBelongToTheirChannel: try await bench.keysBelongToTheirChannel()
        case .aKeyEndsWithItsWindow: try await bench.aKeyEndsWithItsWindow()
        case .aKeyTriedAtOnceStoresOnce: try await bench.aKeyTriedAtOnceStoresOnce()
        case .anOldVersionIsSuppressed: try await bench.anOldVersionIsSuppressed()
        case .rulesOfPublishingCombine: try await bench.rulesOfPublishingCombine()
        }
    }
}
