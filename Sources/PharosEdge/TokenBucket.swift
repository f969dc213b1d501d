/// How often something may happen: so many times per second, and so many at once.
///
/// Time is given by the caller.
///
/// Counted in thousandths of a token, so that whole milliseconds add whole numbers and nothing is lost to rounding.
package struct TokenBucket: Sendable {
    private let ratePerSecond: Int64
    private let fullLevel: Int64
    private var level: Int64
    private var lastMs: Int64

    /// A full bucket.
    ///
    /// - Parameters:
    ///   - ratePerSecond: tokens that come back each second, at most a billion; 0: there is no limit.
    ///   - burst: tokens of a full bucket, at least 1, at most a billion.
    ///   - nowMs: the time at which it is full, in milliseconds of any clock that does not go back.
    package init(ratePerSecond: Int, burst: Int, nowMs: Int64) {
        self.ratePerSecond = Int64(min(max(ratePerSecond, 0), 1_000_000_000))
        fullLevel = Int64(min(max(burst, 1), 1_000_000_000)) * 1_000
        level = fullLevel
        lastMs = nowMs
    }

    /// Takes a token; false when there is none.
    package mutating func take(nowMs: Int64) -> Bool {
        guard ratePerSecond > 0 else { return true }
        if nowMs > lastMs {
            // After this many milliseconds it is full from any level; more would only overflow.
            let elapsedMs = min(nowMs &- lastMs, fullLevel / ratePerSecond + 1)
            level = elapsedMs < 0 ? fullLevel : min(fullLevel, level + elapsedMs * ratePerSecond)
            lastMs = nowMs
        }
        guard level >= 1_000 else { return false }
        level -= 1_000
        return true
    }
}
