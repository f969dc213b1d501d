/// What the service is to do after an event of a client session. Exactly one follows from each event.
package enum SessionAction: Equatable, Sendable {
    case none
    case reply(Reply)
    case disconnect(Disconnect)
    /// Verify the connection token, then call `connectionVerified`.
    case verifyConnection(token: String)
    /// Verify the subscription token, then call `subscriptionVerified`.
    case verifySubscription(generation: UInt32, token: String)
    /// Look for what an earlier connection left under the client's key, then call `sessionClaimed`. nil: nothing but the key
    /// says who the client is.
    case claimSession(user: UserID?, expireAt: Int64)
    case verifyRefresh(command: UInt32, token: String)
    case verifySubRefresh(command: UInt32, channel: ChannelName, generation: UInt32, token: String)
    /// The client is known: register it, carry out the orders, then call `streamRead` for each. With no orders the
    /// connect reply is due at once: call `connectReply`.
    case connected([SubscribeOrder])
    case subscribe(SubscribeOrder)
    /// Undo a subscription, then send the reply.
    case unsubscribe(Subscription, Reply)
    case publish(command: UInt32, channel: ChannelName, data: [UInt8], options: ChannelOptions)
    case readPresence(command: UInt32, channel: ChannelName)
    case readPresenceStats(command: UInt32, channel: ChannelName)
    case readHistory(command: UInt32, HistoryRequest, options: ChannelOptions)
    case replies([Reply])
    /// Ask the application, then call `hookAnswered`.
    case ask(HookTicket)
    /// The application has let the publication through; its data is set.
    case publishGranted(command: UInt32, channel: ChannelName, HookPublish, options: ChannelOptions)
    /// The client subscribes again by itself.
    case expireSubscription(Subscription)
}

/// What follows from the read that a `SubscribeOrder` asked for.
package enum SubscribeCompletion: Equatable, Sendable {
    /// The subscription is gone, or a newer one stands in its place: undo what was done for this one.
    case late
    /// Send the reply (or push), then let publications after `position` follow.
    case live(Subscription, Answer, position: UInt64)
    /// The subscription failed: undo, then answer.
    case refused(Subscription, Reply)
    case disconnect(Disconnect)

    package enum Answer: Equatable, Sendable {
        case reply(Reply)
        /// The subscribe push, and after it what was recovered.
        case pushes([Push])
        /// One of several of a connect; the last of them brings the reply.
        case partOfConnect(Reply?)
    }
}

/// What is due at a moment.
package enum TimerAction: Equatable, Sendable {
    case sendPing
    /// Something expires, and the application is to say whether it goes on; then call `hookAnswered`.
    case ask(HookTicket)
    case disconnect(Disconnect)
    /// The client subscribes again by itself.
    case expireSubscription(Subscription)
}
