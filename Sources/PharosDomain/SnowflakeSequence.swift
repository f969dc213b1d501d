/// Numbers in the order of time, unique across nodes without any talk.
///
/// They have 41 bits of milliseconds, 10 of the node, 12 of a count within the millisecond.
///
/// Time is passed in. It may step back: the sequence then goes on from the last millisecond it used, up to a bound.
package struct SnowflakeSequence: Equatable, Sendable {
    package enum Failure: Error, Equatable, Sendable {
        /// Nodes are 0 to 1,023.
        case invalidNode(Int)
        /// The clock is so far behind the last number's that time is unsure.
        ///
        /// Going on would be a guess; it is for the operator to look.
        case clockTooFarBehind(byMs: Int64)
        /// Before the epoch, or 69 years after it.
        case outOfRange
    }

    package static let standardEpochMs: Int64 = 1_525_705_533_000
    package static let nodeLimit = 1_024
    package static let countPerMillisecond: UInt64 = 4_096
    private static let timeLimit: Int64 = 1 << 41

    package let node: UInt64
    package let epochMs: Int64
    package let leadLimitMs: Int64
    /// Milliseconds since the epoch, of the last number; -1: none yet.
    private var lastMs: Int64 = -1
    private var count: UInt64 = 0

    /// - Parameters:
    ///   - epochMs: milliseconds since 1970 at which the numbers begin.
    ///   - leadLimitMs: how far the numbers may run ahead of the clock, after it stepped back or when more than 4,096 are
    ///     wanted in a millisecond.
    ///   - after: a number that was given before, such as the newest in a database; all that follow are greater.
    package init(
        node: Int, epochMs: Int64 = SnowflakeSequence.standardEpochMs, leadLimitMs: Int64 = 10_000, after: UInt64? = nil
    ) throws(Failure) {
        guard 0..<SnowflakeSequence.nodeLimit ~= node else { throw .invalidNode(node) }
        self.node = UInt64(node)
        self.epochMs = epochMs
        self.leadLimitMs = leadLimitMs
        if let after {
            // Another node's number of the same millisecond may be greater than any of ours.
            lastMs = Int64(after >> 22)
            count = SnowflakeSequence.countPerMillisecond - 1
        }
    }

    /// The next number, greater than all before.
    ///
    /// - Parameter nowMs: milliseconds since 1970.
    package mutating func next(nowMs: Int64) throws(Failure) -> UInt64 {
        let now = nowMs - epochMs
        guard now >= 0 else { throw .outOfRange }
        var (time, number) = (now, UInt64(0))
        if now <= lastMs {
            (time, number) = (lastMs, count + 1)
            if number == SnowflakeSequence.countPerMillisecond { (time, number) = (lastMs + 1, 0) }
            guard time - now <= leadLimitMs else { throw .clockTooFarBehind(byMs: time - now) }
        }
        guard time < SnowflakeSequence.timeLimit else { throw .outOfRange }
        (lastMs, count) = (time, number)
        return UInt64(time) << 22 | node << 12 | number
    }

    /// The parts of a number.
    ///
    /// Milliseconds since 1970, node, count within the millisecond.
    package static func parts(
        of number: UInt64, epochMs: Int64 = SnowflakeSequence.standardEpochMs
    ) -> (timeMs: Int64, node: Int, count: Int) {
        (Int64(number >> 22) + epochMs, Int(number >> 12 & 0x3ff), Int(number & 0xfff))
    }
}
