/// The work of the service after an event of a session: exactly one per event.
package enum SessionAction: Equatable, Sendable {
    case none
    /// An earlier command must be answered first, see `mustWait`: nothing was done.
    case wait
    case reply(Reply)
    case disconnect(Disconnect)
    /// Verify the connection token, then call `connectionVerified`.
    case verifyConnection(token: String)
    /// Verify the subscription token, then call `subscriptionVerified`.
    case verifySubscription(generation: UInt32, token: String)
    /// Look for what is left under the client's key, then call `sessionClaimed`.
    ///
    /// nil: nothing but the key says who the client is.
    case claimSession(user: UserID?, expireAt: Int64)
    case verifyRefresh(command: UInt32, token: String)
    case verifySubRefresh(command: UInt32, channel: ChannelName, generation: UInt32, token: String)
    /// The client is known: carry out its channels, fetched by `nextOrder`.
    ///
    /// Then call `connectReply`: without channels the reply is due at once.
    case connected
    case subscribe(SubscribeOrder)
    /// Undo a subscription, then send the reply.
    case unsubscribe(EndedSubscription, Reply)
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

/// The consequence of a `SubscribeOrder` that has been carried out.
package enum SubscribeCompletion: Equatable, Sendable {
    /// The subscription is gone, or a newer one has its channel.
    case late
    /// It becomes live together with the other channels of its connect.
    case waits
    /// Bind each of these in their order, and call `wentLive` for it.
    ///
    /// Nothing else is to be done with the session before.
    case ready([SubscribeOrder])
    /// The subscription failed: undo, then answer.
    case refused(EndedSubscription, Reply)
    case disconnect(Disconnect)
}

/// A subscription that has become live, and what its client is to get first.
package struct LiveSubscription: Equatable, Sendable {
    package let subscription: Subscription
    package let answer: Answer
    /// Publications after it follow the answer; nil: it has no position.
    package let position: StreamPosition?

    package enum Answer: Equatable, Sendable {
        case reply(Reply)
        /// The subscribe push, and after it what was recovered.
        case pushes([Push])
        /// One of several of a connect; the last of them brings the reply.
        case partOfConnect(Reply?)
    }
}

/// An action that is due at a moment.
package enum TimerAction: Equatable, Sendable {
    case sendPing
    /// Ask the application whether what expires goes on, then call `hookAnswered`.
    case ask(HookTicket)
    case disconnect(Disconnect)
    /// The client subscribes again by itself.
    case expireSubscription(Subscription)
}
