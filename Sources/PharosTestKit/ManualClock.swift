package import PharosDomain

/// Time that passes only when a test says so.
package struct ManualClock: Sendable {
    package private(set) var nowMs: Int64

    package init(nowMs: Int64 = 1_000_000) { self.nowMs = nowMs }

    package mutating func advance(byMs milliseconds: Int64) { nowMs += milliseconds }

    /// The same instant on both clocks.
    ///
    /// The wall clock stands in the year 2023, so that the two are never mixed up unseen.
    package var moment: Moment { Moment(monotonicMs: nowMs, wallMs: ManualClock.wallStartMs + nowMs) }

    package static let wallStartMs: Int64 = 1_700_000_000_000
}
