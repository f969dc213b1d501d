/// The subscriptions that a client wants, over any number of sessions.
///
/// It gives the orders for each change and all of them for a new session, and knows from the events which stand. The
/// orders must be handed to a session in the order in which they were given. Not thread-safe.
package struct RedisSubscriptions: Sendable {
    /// A channel or pattern, and its kind.
    package struct Key: Hashable, Sendable {
        package let kind: RedisSubscriptionKind
        package let channel: [UInt8]

        package init(_ kind: RedisSubscriptionKind, _ channel: [UInt8]) {
            self.kind = kind
            self.channel = channel
        }
    }

    private struct Progress {
        var isWanted: Bool
        /// Orders on their way that name it.
        var awaited = 0
        var isSubscribed = false
    }

    private var entries: [Key: Progress] = [:]
    /// Subscriptions that are wanted.
    package private(set) var count = 0

    package init() {}

    package func isWanted(_ key: Key) -> Bool { entries[key]?.isWanted ?? false }

    /// Whether the server has confirmed it, and no order about it is on its way.
    package func isLive(_ key: Key) -> Bool {
        guard let progress = entries[key] else { return false }
        return progress.isWanted && progress.isSubscribed && progress.awaited == 0
    }

    /// Wants a subscription; returns the order for it.
    ///
    /// Returns nil if it was wanted already.
    package mutating func want(_ key: Key) -> RedisSubscriptionOrder? {
        guard !isWanted(key) else { return nil }
        entries[key, default: Progress(isWanted: true)].isWanted = true
        count += 1
        return order(key, isSubscribe: true)
    }

    /// Wants a subscription no more; returns the order for it.
    ///
    /// Returns nil if it was not wanted.
    package mutating func drop(_ key: Key) -> RedisSubscriptionOrder? {
        guard isWanted(key) else { return nil }
        entries[key]?.isWanted = false
        count -= 1
        return order(key, isSubscribe: false)
    }

    /// Returns the order to subscribe again; nil if it is not wanted.
    ///
    /// For a subscription that was refused or that the server ended.
    package mutating func again(_ key: Key) -> RedisSubscriptionOrder? {
        isWanted(key) ? order(key, isSubscribe: true) : nil
    }

    /// Takes notice of a change that a session reported.
    ///
    /// Returns true if the server ended a subscription that is wanted: then `again` is to be called.
    package mutating func note(_ change: RedisSubscriptionChange) -> Bool {
        let key = Key(change.kind, change.channel)
        guard var progress = entries[key] else { return false }
        progress.isSubscribed = change.isSubscribed
        if change.isRequested { progress.awaited = max(progress.awaited - 1, 0) }
        store(progress, for: key)
        return !change.isRequested && !change.isSubscribed && progress.isWanted && progress.awaited == 0
    }

    /// Takes notice of an order that the server refused as a whole.
    package mutating func noteFailure(of order: RedisSubscriptionOrder) {
        for channel in order.channels {
            let key = Key(order.kind, channel)
            guard var progress = entries[key] else { continue }
            progress.awaited = max(progress.awaited - 1, 0)
            store(progress, for: key)
        }
    }

    private mutating func order(_ key: Key, isSubscribe: Bool) -> RedisSubscriptionOrder {
        entries[key]?.awaited += 1
        return RedisSubscriptionOrder(key.kind, isSubscribe: isSubscribe, channels: [key.channel])
    }

    private mutating func store(_ progress: Progress, for key: Key) {
        entries[key] = progress.isWanted || progress.awaited > 0 ? progress : nil
    }
}

extension RedisSubscriptions {
    /// Forgets what the session before had, and returns the orders for a new one.
    ///
    /// Channels in ascending order of their bytes; sharded ones by slot, since one command must name one slot.
    ///
    /// - Parameter limit: channels of one order, so that no command grows without bound; at least 1.
    package mutating func replay(limit: Int = 256) -> [RedisSubscriptionOrder] {
        precondition(limit > 0, "an order names channels")
        entries = entries.filter(\.value.isWanted).mapValues { _ in Progress(isWanted: true, awaited: 1) }
        var orders: [RedisSubscriptionOrder] = []
        for kind in RedisSubscriptionKind.allCases {
            let channels = entries.keys.lazy.filter { $0.kind == kind }.map(\.channel)
                .sorted { $0.lexicographicallyPrecedes($1) }
            let groups =
                kind == .shard
                ? Dictionary(grouping: channels, by: ClusterSlots.slot(of:)).sorted { $0.key < $1.key }.map(\.value)
                : [channels]
            for group in groups {
                for start in stride(from: 0, to: group.count, by: limit) {
                    let part = Array(group[start..<min(start + limit, group.count)])
                    orders.append(RedisSubscriptionOrder(kind, isSubscribe: true, channels: part))
                }
            }
        }
        return orders
    }
}
