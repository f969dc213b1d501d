/// The three forms of publish and subscribe.
package enum RedisSubscriptionKind: CaseIterable, Hashable, Sendable {
    /// SUBSCRIBE
    case channel
    /// PSUBSCRIBE
    case pattern
    /// SSUBSCRIBE, since Redis 7.
    case shard

    /// The letter in front of the names of commands and pushes.
    var prefix: String {
        switch self {
        case .channel: ""
        case .pattern: "P"
        case .shard: "S"
        }
    }
}

/// A SUBSCRIBE or UNSUBSCRIBE of one kind and some channels.
package struct RedisSubscriptionOrder: Equatable, Sendable {
    package let kind: RedisSubscriptionKind
    package let isSubscribe: Bool
    /// At least one; those of `shard` have one slot in a cluster.
    package let channels: [[UInt8]]

    package init(_ kind: RedisSubscriptionKind, isSubscribe: Bool, channels: [[UInt8]]) {
        // UNSUBSCRIBE without channels means all, and is confirmed by an unknown number of replies.
        precondition(!channels.isEmpty, "an order names channels")
        self.kind = kind
        self.isSubscribe = isSubscribe
        self.channels = channels
    }

    package var command: RedisCommand {
        let name = kind.prefix + (isSubscribe ? "SUBSCRIBE" : "UNSUBSCRIBE")
        return RedisCommand([.text(name)] + channels.map { .bytes($0) })
    }
}
