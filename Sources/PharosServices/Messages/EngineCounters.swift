/// Counters of an engine that several nodes share; all zero for one in the process.
package struct EngineCounters: Equatable, Sendable {
    /// 1: the engine can be asked; 0: it cannot.
    package var currentlyLinked = 1
    package var linksLost: UInt64 = 0
    /// Gaps in what was reported of followed channels.
    package var gaps: UInt64 = 0
    /// Of those: the ones that were closed by fetching, and how much was fetched.
    package var repairs: UInt64 = 0
    package var repairedPublications: UInt64 = 0
    /// Of those: the ones that could not be closed, and that clients were told of.
    package var givenUp: UInt64 = 0

    package init() {}

    /// Adds another shard's part.
    mutating func add(_ other: EngineCounters) {
        currentlyLinked = min(currentlyLinked, other.currentlyLinked)
        linksLost += other.linksLost
        gaps += other.gaps
        repairs += other.repairs
        repairedPublications += other.repairedPublications
        givenUp += other.givenUp
    }
}
