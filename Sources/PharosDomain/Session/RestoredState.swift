/// What is left of a client's connection while it is away: who it is, its subscriptions, and where each of them stood.
package struct RestoredState: Equatable, Sendable {
    package struct Channel: Equatable, Sendable {
        package var channel: String
        package var flags: Subscription.Flags
        package var info: [UInt8]
        /// Seconds since 1970; 0 never.
        package var expireAt: Int64
        /// Up to where the old connection was told; nil: the subscription had no position.
        package var position: StreamPosition?
    }

    package var user: String
    package var info: [UInt8]
    package var meta: [UInt8]
    /// Seconds since 1970; 0 never.
    package var expireAt: Int64
    package var channels: [Channel]

    /// - Parameter position: where a channel's subscribers stand now.
    package init(_ session: ClientSession, position: (String) -> StreamPosition?) {
        user = session.user
        info = session.info
        meta = session.meta
        expireAt = session.expireAt
        channels = session.subscriptions.filter { $0.flags.contains(.isLive) }.map {
            Channel(
                channel: $0.channel, flags: $0.flags, info: $0.info, expireAt: $0.expireAt,
                position: $0.flags.contains(.isPositioned) ? position($0.channel) : nil)
        }
    }

    var claims: ConnectionClaims {
        var claims = ConnectionClaims()
        claims.user = user
        claims.info = info
        claims.meta = meta
        claims.expireAt = expireAt
        return claims
    }
}

extension RestoredState.Channel {
    /// What the subscription was granted before, it is granted again.
    var options: SubscriptionOptions {
        var options = SubscriptionOptions()
        options.info = info
        options.expireAt = expireAt
        options.override.presence = flags.contains(.keepsPresence)
        options.override.joinLeave = flags.contains(.emitsJoinLeave)
        options.override.forcePushJoinLeave = flags.contains(.receivesJoinLeave)
        options.override.forceRecovery = flags.contains(.isRecoverable)
        options.override.forcePositioning = flags.contains(.isPositioned)
        return options
    }
}
