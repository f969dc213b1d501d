/// A command of a session; given once.
package struct RedisTicket: Hashable, Sendable {
    package let number: UInt64
}

/// Something that a session reports.
package enum RedisEvent: Equatable, Sendable {
    /// The handshake is over; commands handed over before are sent now.
    case ready(RedisServer)
    /// The reply to a command; never an error.
    case reply(RedisTicket, RESPValue)
    /// All channels of an order are confirmed.
    case confirmed(RedisTicket)
    case failed(RedisTicket, RedisFailure)
    /// A message of SUBSCRIBE.
    case message(channel: [UInt8], payload: [UInt8])
    /// A message of SSUBSCRIBE.
    case shardMessage(channel: [UInt8], payload: [UInt8])
    /// A message of PSUBSCRIBE.
    case patternMessage(pattern: [UInt8], channel: [UInt8], payload: [UInt8])
    case subscription(RedisSubscriptionChange)
    /// Another push, such as `invalidate`.
    case push([RESPValue])
    /// The last event: the connection is to be closed, or is.
    case closed(RedisCloseReason)
}

/// A subscription that the server confirmed, or ended.
package struct RedisSubscriptionChange: Equatable, Sendable {
    package let kind: RedisSubscriptionKind
    /// The channel or pattern.
    package let channel: [UInt8]
    package let isSubscribed: Bool
    /// Whether an order asked for it.
    ///
    /// False: the server ended the subscription, since the slot has moved.
    package let isRequested: Bool
    /// Subscriptions that the connection has now.
    ///
    /// Sharded ones are counted apart from the others.
    package let count: Int64
}

/// Why a command has no reply.
package enum RedisFailure: Error, Equatable, Sendable {
    /// The server answered an error.
    case server(RedisServerError)
    /// The command's deadline passed.
    case timedOut(Delivery)
    /// The connection ended before the reply.
    case closed(Delivery)

    /// How much is known of a command without a reply.
    package enum Delivery: Equatable, Sendable {
        /// The server did not get all of it, so it was not carried out.
        case notSent
        /// It was sent: the server may have carried it out, or may still do so.
        case outcomeUnknown
    }
}

/// Why a session is over.
package enum RedisCloseReason: Equatable, Sendable {
    /// Its owner closed it.
    case closed
    /// The peer or the network ended the connection.
    case disconnected
    /// The server refused the handshake, or said an error that no command waited for.
    case refused(RedisServerError)
    case handshakeTimedOut
    /// A command had no reply in time.
    ///
    /// Its reply may come later and would be taken for that of another command.
    case commandTimedOut
    case malformed(RESPError)
    /// A reply that no command waits for, or that does not answer the one that does.
    case unexpectedReply
}
