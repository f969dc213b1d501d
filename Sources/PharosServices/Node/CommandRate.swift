import PharosEdge

/// A limit of commands per second, with a burst of one second's worth.
struct CommandRate: Equatable, Sendable {
    /// 0: no limit.
    let perSecond: Int

    init(_ perSecond: Int) { self.perSecond = max(perSecond, 0) }

    var isLimited: Bool { perSecond > 0 }

    /// Milliseconds in which an empty bucket fills, whatever the rate is.
    static var refillMs: Int64 { 1_000 }

    /// Milliseconds in which one command more is allowed again, at most.
    var retryMs: Int { perSecond > 0 ? (1_000 + perSecond - 1) / perSecond : 0 }

    func bucket(nowMs: Int64) -> TokenBucket {
        TokenBucket(ratePerSecond: perSecond, burst: max(perSecond, 1), nowMs: nowMs)
    }
}
