package import PharosDomain

import PharosBytes

/// How one lane of one origin has gone since start.
package struct OriginCounters: Equatable, Sendable {
    package var origin: OriginName
    package var lane: OriginLane
    /// All that were wanted, also those refused at once.
    package var requests: UInt64 = 0
    package var inFlight = 0
    /// Of all that have ended, from the question to its end.
    package var durationSeconds = 0.0
    package var errors: [OriginFailure: UInt64] = [:]
    package var isBreakerOpen = false

    package init(origin: OriginName, lane: OriginLane) {
        self.origin = origin
        self.lane = lane
    }
}

/// The counters while they are counted.
///
/// They are begun on any thread, and ended on the origin's event loop.
final class OriginLaneCounts: Sendable {
    private struct State {
        var requests: UInt64 = 0
        var ended: UInt64 = 0
        var nanoseconds: UInt64 = 0
        var errors = [UInt64](repeating: 0, count: OriginFailure.allCases.count)
        var isBreakerOpen = false
    }

    private let state = Locked(State())

    func began() {
        state.withLock { $0.requests += 1 }
    }

    func ended(_ failure: OriginFailure?, nanoseconds: UInt64) {
        state.withLock {
            $0.ended += 1
            $0.nanoseconds += nanoseconds
            if let failure { $0.errors[failure.index] += 1 }
        }
    }

    func breaker(isOpen: Bool) {
        state.withLock { $0.isBreakerOpen = isOpen }
    }

    func counters(origin: OriginName, lane: OriginLane) -> OriginCounters {
        let state = state.withLock { $0 }
        var counters = OriginCounters(origin: origin, lane: lane)
        counters.requests = state.requests
        counters.inFlight = Int(state.requests - state.ended)
        counters.durationSeconds = Double(state.nanoseconds) / 1e9
        for failure in OriginFailure.allCases where state.errors[failure.index] > 0 {
            counters.errors[failure] = state.errors[failure.index]
        }
        counters.isBreakerOpen = state.isBreakerOpen
        return counters
    }
}
