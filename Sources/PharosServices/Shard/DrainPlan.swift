import PharosDomain

/// When the connections of a shard that ends are asked to come back.
///
/// Each has a part of the window of its own, and a random moment within it: so they leave at an even rate.
struct DrainPlan {
    /// In ms.
    let window: Int64

    /// - Parameters:
    ///   - windowMs: in which they leave if there are few.
    ///   - rate: of the node, connections per second; 0: no limit.
    init(connections: Int, windowMs: Int64, rate: Int, shards: Int, timeoutMs: Int64) {
        var window = max(windowMs, 0)
        if rate > 0 { window = max(window, Int64(connections) * 1_000 * Int64(shards) / Int64(rate)) }
        // Who is asked last needs time to go before the process ends anyway.
        self.window = min(window, max(timeoutMs - timeoutMs / 10, 0))
    }

    /// The moment of one of the connections, in ms from the beginning.
    func moment(of index: Int, count: Int, chance: Double) -> Int64 {
        Int64((Double(index) + chance) / Double(max(count, 1)) * Double(window))
    }
}
