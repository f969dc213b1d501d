package import PharosDomain

/// What every stream store promises: a driver's tests go through all of these with a fresh store each.
///
/// Streams are used with the retention that `retention` describes unless a promise says otherwise.
package enum StreamStorePromise: String, CaseIterable, Sendable {
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
    case publicationsComeBackUnchanged
    case aSmallerSizeTrimsAtTheNextAppend

    package static let retention = StreamRetention(size: 5, ttlMs: 10_000, metaTTLMs: 60_000)

    /// Checks one promise on a store that nothing has happened to yet.
    package func check<Store: StreamStore & ~Copyable>(_ store: consuming Store) throws {
        var bench = StoreBench(store: store)
        switch self {
        case .numbersFromOneWithoutGap: try bench.numbersFromOneWithoutGap()
        case .positionIsThatOfTheStoredPublication: try bench.positionIsThatOfTheStoredPublication()
        case .readsAfterAPosition: try bench.readsAfterAPosition()
        case .readsAtMostTheLimit: try bench.readsAtMostTheLimit()
        case .readsBackwards: try bench.readsBackwards()
        case .readsNothingBeyondItsEnds: try bench.readsNothingBeyondItsEnds()
        case .keepsTheNewestBySize: try bench.keepsTheNewestBySize()
        case .keepsOneOnly: try bench.keepsOneOnly()
        case .entriesExpireOneByOne: try bench.entriesExpireOneByOne()
        case .topOutlivesThePublications: try bench.topOutlivesThePublications()
        case .lostMemoryMeansANewEpoch: try bench.lostMemoryMeansANewEpoch()
        case .usingAStreamKeepsItsMemory: try bench.usingAStreamKeepsItsMemory()
        case .memoryWithoutAnEndStays: try bench.memoryWithoutAnEndStays()
        case .removingHistoryKeepsThePosition: try bench.removingHistoryKeepsThePosition()
        case .streamsAreSeparate: try bench.streamsAreSeparate()
        case .publicationsComeBackUnchanged: try bench.publicationsComeBackUnchanged()
        case .aSmallerSizeTrimsAtTheNextAppend: try bench.aSmallerSizeTrimsAtTheNextAppend()
        }
    }
}

/// A promise that a store broke.
package struct BrokenPromise: Error, CustomStringConvertible {
    package let description: String
}

/// Throws unless both are equal.
func require<Value: Equatable>(_ found: Value, is expected: Value, _ what: String) throws {
    guard found == expected else { throw BrokenPromise(description: "\(what): \(found) instead of \(expected)") }
}
