/// The claims of a new token, as a command line asks for them.
package struct TokenRequest: Equatable, Sendable {
    package enum Failure: Error, Equatable, CustomStringConvertible {
        case informationIsNotJSON
        case timeToLiveOutOfRange

        package var description: String {
            switch self {
            case .informationIsNotJSON: "the info is not valid JSON"
            case .timeToLiveOutOfRange: "the time to live must be 0 to 31536000 seconds (365 days)"
            }
        }
    }

    /// "" for an anonymous token.
    package var user: String
    /// nil: a connection token; otherwise a subscription token for this channel.
    package var channel: String?
    /// Seconds; 0: the token never expires.
    package var timeToLive: Int64 = 3_600
    /// JSON that other clients see of the user.
    package var information: String?
    /// `aud` and `iss`, for servers that check them.
    package var audience: String?
    package var issuer: String?

    package init(user: String) {
        self.user = user
    }

    /// The claims as a JSON object.
    ///
    /// - Parameter nowMs: milliseconds since 1970.
    package func claims(nowMs: Int64) throws(Failure) -> [UInt8] {
        guard (0...ClaimRules.lifetimeLimit).contains(timeToLive) else { throw .timeToLiveOutOfRange }
        let now = nowMs / 1_000
        var claims = JSONObjectWriter()
        claims.add("sub", user)
        if let channel { claims.add("channel", channel) }
        if let issuer { claims.add("iss", issuer) }
        if let audience { claims.add("aud", audience) }
        claims.add("iat", now)
        if timeToLive > 0 { claims.add("exp", now + timeToLive) }
        if let information {
            let text = Array(information.utf8)
            guard (try? JSONReader.value(text)) != nil else { throw .informationIsNotJSON }
            claims.add("info", json: JSONReader.compacted(text[...]))
        }
        return claims.bytes
    }
}
