package import PharosDomain

/// What an operator should hear of the telling of events. Names no client and no user.
package enum DispatchEvent: Equatable, Sendable {
    /// A batch was not acknowledged; told once until the origin answers again.
    case originFails(OriginName)
    case originAnswers(OriginName)
    /// So many events were given up and moved to the dead-letter log.
    case buried(origin: OriginName, count: Int)
    /// The dead-letter log cannot be written; the events are kept.
    case deadLettersFail(String)
}

/// What became of the events since the start.
package struct DispatchCounters: Equatable, Sendable {
    /// Acknowledged.
    package var told: UInt64 = 0
    /// Batches that were not acknowledged.
    package var failures: UInt64 = 0
    /// Moved to the dead-letter log.
    package var buried: UInt64 = 0
    package var keepAlives: UInt64 = 0
    package var keepAliveFailures: UInt64 = 0

    package init() {}
}
