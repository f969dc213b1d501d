package import PharosDomain

/// An event of a shard that an operator may want to read.
///
/// Holds no payload and no token; what names a user is marked.
package enum ServiceEvent: Sendable {
    /// A line about clients or calls that were refused.
    case refusal(RefusalLedger.Line)
    /// The server ended a connection.
    case disconnected(code: UInt32, reason: String)
    /// Publications were missing in a channel: its positioned subscriptions ended.
    case positionLost(channel: ChannelName)
    /// A client reads too slowly: publications of a channel were dropped for it.
    ///
    /// Not for the log.
    case publicationsDropped(client: ClientName, user: UserID, channel: ChannelName, count: Int)
}
