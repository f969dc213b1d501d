import PharosBytes
import PharosDomain
import PharosEdge

/// Token buckets by name, such as a user's, over all shards. Any thread.
///
/// A bucket that was not used for a second is full again, and so is one that was never there: that is when it is
/// forgotten. Two generations make this cheap: a bucket that is used moves to the young one, and the old one goes as a
/// whole.
final class RateTable<Kind>: Sendable {
    private struct State: Sendable {
        var young: [Identifier<Kind>: TokenBucket] = [:]
        var old: [Identifier<Kind>: TokenBucket] = [:]
        var turnedMs: Int64
    }

    private let rate: CommandRate
    private let generationLimit: Int
    private let state: Locked<State>

    /// - Parameter limit: buckets kept at most.
    ///   While more are in use, those not used longest begin anew.
    init(_ rate: CommandRate, limit: Int = 131_072, nowMs: Int64) {
        self.rate = rate
        generationLimit = max(limit / 2, 1)
        state = Locked(State(turnedMs: nowMs))
    }

    /// Counts one; false: there were too many.
    ///
    /// Without a limit, and for an empty name, always true.
    func take(_ name: Identifier<Kind>, nowMs: Int64) -> Bool {
        guard rate.isLimited, !name.isEmpty else { return true }
        return state.withLock { state in
            // What has stayed in the old generation that long has been full for just as long.
            if nowMs - state.turnedMs >= CommandRate.refillMs { RateTable.turn(&state, nowMs) }
            if var bucket = state.young[name] {
                defer { state.young[name] = bucket }
                return bucket.take(nowMs: nowMs)
            }
            if state.young.count >= generationLimit { RateTable.turn(&state, nowMs) }
            var bucket = state.old.removeValue(forKey: name) ?? rate.bucket(nowMs: nowMs)
            defer { state.young[name] = bucket }
            return bucket.take(nowMs: nowMs)
        }
    }

    /// Buckets that are kept.
    var count: Int { state.withLock { $0.young.count + $0.old.count } }

    private static func turn(_ state: inout State, _ nowMs: Int64) {
        state.old = state.young
        state.young = [:]
        state.turnedMs = nowMs
    }
}
