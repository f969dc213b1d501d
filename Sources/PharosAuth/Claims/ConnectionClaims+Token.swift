import PharosDomain

extension ConnectionClaims {
    /// Reads the claims of a connection token, except the times.
    ///
    /// A token with `channel` is for a subscription and must not open a connection.
    init(_ claims: JSONObject, user: UserID) throws(TokenRefusal) {
        guard claims["channel"] == nil else { throw .invalid(.claims, "a subscription token cannot open a connection") }
        self.init()
        self.user = user
        info = try claims.payload("info", or: "b64info")
        if let value = claims["channels"] {
            guard let names = value.strings else { throw .invalid(.claims, "the token's channels are not strings") }
            channels = names.map { ChannelName($0) }
        }
        if let value = claims["subs"] {
            guard let members = value.object?.members else {
                throw .invalid(.claims, "the token's subs are not an object")
            }
            for member in members {
                guard let options = member.value.object else {
                    throw .invalid(.claims, "the token's subs are not objects")
                }
                subscriptions[member.name.renamed(to: NameOf.Channel.self)] = try SubscriptionOptions(options)
            }
        }
        if let value = claims["meta"] {
            guard value.object != nil else { throw .invalid(.claims, "the token's meta is not an object") }
            meta = claims.compactText(of: "meta") ?? []
        }
    }
}
