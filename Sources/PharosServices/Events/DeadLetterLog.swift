package import PharosDomain

/// Keeps the events that no origin has acknowledged in time.
package protocol DeadLetterLog: Sendable {
    /// Returns whether the events are kept: then they need not be sent any more.
    ///
    /// May block for as long as a disk takes.
    func append(_ events: [NumberedEvent], for origin: OriginName, nowMs: Int64) -> Bool
}

/// For a server without a store: dead letters are only counted, by the dispatcher.
package struct DeadLettersCounted: DeadLetterLog {
    package init() {}
    package func append(_ events: [NumberedEvent], for origin: OriginName, nowMs: Int64) -> Bool { true }
}
