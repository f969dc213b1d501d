/// What happened on a shard that an operator may want to read. Holds no payload, no token, no user's name.
package enum ServiceEvent: Sendable {
    /// Why a token was refused; the text never repeats any of it.
    case tokenRefused(reason: String)
    /// The server ended a connection.
    case disconnected(code: UInt32, reason: String)
    /// Publications were missing in a channel, so its positioned subscriptions were ended.
    case positionLost(channel: String)
}
