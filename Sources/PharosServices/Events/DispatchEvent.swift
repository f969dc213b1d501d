package import PharosDomain

/// A report for operators about the sending of events.
///
/// Names no client and no user.
package enum DispatchEvent: Equatable, Sendable {
    /// A batch was not acknowledged; reported once until the origin answers again.
    case originFails(OriginName)
    case originAnswers(OriginName)
    /// So many events were given up and moved to the dead-letter log.
    case buried(origin: OriginName, count: Int)
    /// The dead-letter log cannot be written; the events are kept.
    case deadLettersFail(String)
}

/// Counts of the events since the start, by what became of them.
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
