/// Time that passes only when a test says so.
package struct ManualClock {
    package private(set) var nowMs: Int64

    package init(nowMs: Int64 = 1_000_000) { self.nowMs = nowMs }

    package mutating func advance(byMs milliseconds: Int64) { nowMs += milliseconds }
}
