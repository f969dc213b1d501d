/// The use that a verified token is brought for.
enum TokenUse {
    /// It says who the client is.
    case connect(ConnectionClaims)
    /// It prolongs the connection.
    case refresh(ConnectionClaims)
    /// It admits the client to a channel, or prolongs its subscription there.
    case channel(ChannelName, SubscriptionClaims)
}

extension ClientSession {
    /// Whether a token covers what it is brought for.
    ///
    /// A token for a channel names the channel and the user, and may name the client; all that it names must match.
    func isCovered(_ use: TokenUse) -> Bool {
        switch use {
        case .connect: true
        case .refresh(let claims): claims.user == user
        case .channel(let channel, let claims):
            claims.channel == channel && claims.user == user && (claims.client == nil || claims.client == client.name)
        }
    }
}
