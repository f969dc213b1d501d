/// Whether the receiver of webhooks has agreed to get ours.
///
/// See CloudEvents HTTP 1.1 Web Hooks, section 4.
package struct SenderPermission: Equatable, Sendable {
    private enum State: Equatable {
        case unknown
        case asking
        case granted
        case refused(untilMs: Int64)
    }

    package enum Answer: Equatable, Sendable {
        case send
        /// Ask the receiver first; until its answer requests wait.
        case ask
        case wait
        case refused
    }

    private var state: State

    /// - Parameter isNeeded: false for receivers that need not be asked.
    package init(isNeeded: Bool) {
        state = isNeeded ? .unknown : .granted
    }

    /// A request is to be sent.
    package mutating func requestArrived(nowMs: Int64) -> Answer {
        switch state {
        case .granted: return .send
        case .asking: return .wait
        case .refused(let untilMs) where nowMs < untilMs: return .refused
        case .unknown, .refused:
            state = .asking
            return .ask
        }
    }

    package mutating func granted() { state = .granted }

    /// The receiver refused, or could not be asked: it is asked again after `pauseMs`.
    package mutating func refused(nowMs: Int64, pauseMs: Int64) { state = .refused(untilMs: nowMs + pauseMs) }
}
