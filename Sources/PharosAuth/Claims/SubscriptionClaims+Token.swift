import PharosBytes
import PharosDomain

extension SubscriptionClaims {
    /// Reads the claims of a subscription token, except the times.
    init(_ claims: JSONObject, user: UserID) throws(TokenRefusal) {
        guard let channel = claims["channel"]?.string.map({ ChannelName($0) }), !channel.isEmpty else {
            throw .invalid(.claims, "the token does not name a channel")
        }
        self.init()
        self.user = user
        self.channel = channel
        if let value = claims["client"] {
            guard let client = value.string else { throw .invalid(.claims, "the token's client is not a string") }
            self.client = ClientName(client)
        }
        options = try SubscriptionOptions(claims)
    }
}

extension SubscriptionOptions {
    /// Reads `info`, `data` and `override`.
    ///
    /// They come from a subscription token or from one entry of `subs`.
    init(_ object: JSONObject) throws(TokenRefusal) {
        self.init()
        info = try object.payload("info", or: "b64info")
        data = try object.payload("data", or: "b64data")
        guard let value = object["override"] else { return }
        guard let values = value.object else { throw .invalid(.claims, "the token's override is not an object") }
        override.presence = try values.flag("presence")
        override.joinLeave = try values.flag("join_leave")
        override.forcePushJoinLeave = try values.flag("force_push_join_leave")
        override.forceRecovery = try values.flag("force_recovery")
        override.forcePositioning = try values.flag("force_positioning")
    }
}

extension JSONObject {
    /// Reads a payload.
    ///
    /// It is the decoded bytes of the second claim if that is there, otherwise the JSON text of the first.
    func payload(_ name: ClaimName, or base64Name: ClaimName) throws(TokenRefusal) -> [UInt8] {
        guard let encoded = self[base64Name], encoded.string?.isEmpty != true else {
            return compactText(of: name) ?? []
        }
        guard let bytes = encoded.string.flatMap({ Base64.decode($0.utf8, .standard) }) else {
            throw .invalid(.claims, "the token's \(base64Name) is not base64")
        }
        return bytes
    }

    /// `{"value": true}` or false under `name`.
    fileprivate func flag(_ name: ClaimName) throws(TokenRefusal) -> Bool? {
        guard let member = self[name] else { return nil }
        guard let object = member.object, let value = object["value"] else {
            throw .invalid(.claims, "the token's override has no value")
        }
        guard let flag = value.bool else { throw .invalid(.claims, "the token's override is not true or false") }
        return flag
    }
}
