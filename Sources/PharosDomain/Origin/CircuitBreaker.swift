/// Stops asking an origin that does not answer.
///
/// So clients get their error at once and the origin may recover.
///
/// Closed until so many questions in a row came to nothing; then open for a pause; then one question tries again, and
/// its end closes the breaker or opens it for another pause. Every question that was let through must report its end.
package struct CircuitBreaker: Equatable, Sendable {
    private enum State: Equatable {
        case closed(failures: Int)
        case open(untilMs: Int64)
        case trying
    }

    /// The change that an event made to the breaker, for the log.
    package enum Change: Equatable, Sendable {
        case none
        case opened
        case closed
    }

    private let failureLimit: Int
    private let pauseMs: Int64
    private var state = State.closed(failures: 0)

    /// - Parameters:
    ///   - failures: so many in a row open it; 0: it never opens.
    ///   - pauseMs: for so long nothing is let through.
    package init(failures: Int, pauseMs: Int64) {
        failureLimit = failures
        self.pauseMs = pauseMs
    }

    package var isOpen: Bool {
        if case .closed = state { false } else { true }
    }

    /// A question is to be asked: whether it may.
    package mutating func questionArrived(nowMs: Int64) -> Bool {
        switch state {
        case .closed: return true
        case .trying: return false
        case .open(let untilMs):
            guard nowMs >= untilMs else { return false }
            state = .trying
            return true
        }
    }

    /// The origin has answered, whatever it said.
    ///
    /// That of a question from before the pause counts as well: it is alive.
    package mutating func answered() -> Change {
        let wasOpen = isOpen
        state = .closed(failures: 0)
        return wasOpen ? .closed : .none
    }

    /// A question came to nothing.
    package mutating func failed(nowMs: Int64) -> Change {
        switch state {
        case .closed(let failures):
            guard failureLimit > 0, failures + 1 >= failureLimit else {
                state = .closed(failures: min(failures + 1, failureLimit))
                return .none
            }
            state = .open(untilMs: nowMs + pauseMs)
            return .opened
        case .trying:
            state = .open(untilMs: nowMs + pauseMs)
            return .none
        case .open:
            // A question from before: it says nothing new, and must not make the pause longer.
            return .none
        }
    }
}
