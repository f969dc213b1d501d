/// The figures of questions and events for the application.
package struct ApplicationCounters: Sendable {
    /// One kind of question, or of telling, to one origin.
    package struct Lane: Sendable {
        package var origin: String
        package var hook: String
        package var requests: UInt64 = 0
        package var inFlight = 0
        /// Of all that have ended.
        package var durationSeconds = 0.0
        /// By a reason of a closed set.
        package var errors: [String: UInt64] = [:]
        package var isBreakerOpen = false

        package init(origin: String, hook: String) {
            self.origin = origin
            self.hook = hook
        }
    }

    package struct Events: Sendable {
        package var waiting = 0
        package var waitingBytes = 0
        package var recorded: UInt64 = 0
        package var told: UInt64 = 0
        package var failures: UInt64 = 0
        package var deadLetters: UInt64 = 0
        package var lost: UInt64 = 0

        package init() {}
    }

    package var lanes: [Lane] = []
    /// nil: no events are sent.
    package var events: Events?

    package init() {}
}
