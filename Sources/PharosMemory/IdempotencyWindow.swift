import PharosDomain

/// Results of publishes by idempotency key, kept for a window.
///
/// So a repeated request gets the first answer.
struct IdempotencyWindow {
    /// Beyond this many keys the oldest go first.
    ///
    /// So memory is bounded whatever clients send.
    static let capacity = 100_000

    private struct Key: Hashable {
        var channel: ChannelName
        var key: IdempotencyKey
    }

    private var results: [Key: (position: StreamPosition, untilMs: Int64)] = [:]
    private var order: [Key] = []
    private var head = 0

    func result(channel: ChannelName, key: IdempotencyKey, nowMs: Int64) -> StreamPosition? {
        guard let found = results[Key(channel: channel, key: key)], found.untilMs > nowMs else { return nil }
        return found.position
    }

    mutating func remember(_ position: StreamPosition, channel: ChannelName, key: IdempotencyKey, untilMs: Int64) {
        let entry = Key(channel: channel, key: key)
        if results.updateValue((position, untilMs), forKey: entry) == nil { order.append(entry) }
        if results.count > IdempotencyWindow.capacity { dropOldest() }
    }

    /// Keys were remembered in the order in which they expire.
    mutating func expire(nowMs: Int64) {
        while head < order.count, let oldest = results[order[head]], oldest.untilMs <= nowMs { dropOldest() }
        if head > 1_024, head * 2 > order.count {
            order.removeFirst(head)
            head = 0
        }
    }

    private mutating func dropOldest() {
        results[order[head]] = nil
        head += 1
    }
}
