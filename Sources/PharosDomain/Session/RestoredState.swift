/// The rest of a connection while its client is away.
///
/// The user, the subscriptions, and where each of them stood. Lifetimes run on: what ends while the client
/// is away is gone when it returns.
package struct RestoredState: Equatable, Sendable {
    package struct Channel: Equatable, Sendable {
        package var channel: ChannelName
        package var flags: Subscription.Flags
        package var info: [UInt8]
        /// Seconds since 1970; 0 never.
        package var expireAt: Int64
        /// The last position that was sent; nil: the subscription had none.
        package var position: StreamPosition?

        package init(
            channel: ChannelName, flags: Subscription.Flags, info: [UInt8], expireAt: Int64, position: StreamPosition?
        ) {
            self.channel = channel
            self.flags = flags
            self.info = info
            self.expireAt = expireAt
            self.position = position
        }
    }

    /// The id of the connection: calls of the server API may still mean it.
    package var client: ClientID
    package var user: UserID
    package var info: [UInt8]
    package var meta: [UInt8]
    /// Seconds since 1970; 0 never.
    package var expireAt: Int64
    package var channels: [Channel]

    package init(client: ClientID, user: UserID, expireAt: Int64) {
        self.client = client
        self.user = user
        self.expireAt = expireAt
        (info, meta, channels) = ([], [], [])
    }

    /// Keeps what lasts of a session.
    ///
    /// - Parameter position: where a live subscription stands now; asked of those with a position.
    package init(_ session: borrowing ClientSession, position: (Subscription) -> StreamPosition?) {
        client = session.client
        user = session.user
        info = session.info
        meta = session.meta
        expireAt = session.expireAt
        channels = session.subscriptions.map {
            Channel(
                channel: $0.channel, flags: $0.flags, info: $0.info, expireAt: $0.expireAt,
                position: $0.flags.contains(.isPositioned) ? position($0) : nil)
        }
    }

    /// Whether it says no longer who the client is.
    package func isOver(_ now: Moment) -> Bool { now.isAfter(expireAt) }

    /// Takes out what has ended by itself.
    package mutating func age(_ now: Moment) { channels.removeAll { now.isAfter($0.expireAt) } }

    /// Leaves only that the connection has expired: its client is to bring a new token.
    package mutating func expire(_ now: Moment) {
        if !isOver(now) { expireAt = max(now.wallSeconds, 1) }
        (info, meta, channels) = ([], [], [])
    }

    /// The server gives the connection a new end; 0 never. One that has ended stays so.
    package mutating func refresh(expireAt newExpireAt: Int64, info newInfo: [UInt8], _ now: Moment) {
        guard !isOver(now) else { return }
        expireAt = newExpireAt
        if !newInfo.isEmpty { info = newInfo }
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
    /// The options of the earlier subscription, granted again.
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
