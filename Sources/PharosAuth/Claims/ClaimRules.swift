import PharosDomain

/// The rules that the claims of a well-signed token must follow.
///
/// See RFC 7519 §4.1.
struct ClaimRules: Sendable {
    /// Seconds: no token lasts longer, however large its `exp` is.
    static let lifetimeLimit: Int64 = 365 * 86_400

    private let audience: PartyName
    private let issuer: PartyName
    private let audiencePattern: ClaimPattern?
    private let issuerPattern: ClaimPattern?
    private let userIDClaim: ClaimName
    private let variables: Set<String>

    init(_ configuration: TokenConfiguration, variables: Set<String>) throws(TokenConfigurationError) {
        guard configuration.audience.isEmpty || configuration.audienceRegex.isEmpty else {
            throw .init(setting: "audience_regex", "cannot be used together with audience")
        }
        guard configuration.issuer.isEmpty || configuration.issuerRegex.isEmpty else {
            throw .init(setting: "issuer_regex", "cannot be used together with issuer")
        }
        audience = configuration.audience
        issuer = configuration.issuer
        audiencePattern = try Self.pattern(configuration.audienceRegex, setting: "audience_regex")
        issuerPattern = try Self.pattern(configuration.issuerRegex, setting: "issuer_regex")
        guard configuration.userIDClaim.utf8.allSatisfy(Self.isClaimNameByte) else {
            throw .init(setting: "user_id_claim", "must match ^[a-zA-Z_]+$")
        }
        userIDClaim = configuration.userIDClaim
        self.variables = variables
        for name in variables.sorted() {
            guard issuerPattern?.names(name) == true || audiencePattern?.names(name) == true else {
                throw .init(
                    setting: "jwks_variables", "\(name) is not a named group of issuer_regex or audience_regex")
            }
        }
    }

    private static func pattern(_ source: String, setting: String) throws(TokenConfigurationError) -> ClaimPattern? {
        source.isEmpty ? nil : try ClaimPattern(source, setting: setting)
    }

    private static func isClaimNameByte(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_")
    }

    /// The user whose token it is; "" if it names none.
    func user(of claims: JSONObject) throws(TokenRefusal) -> UserID {
        let name = userIDClaim.isEmpty ? "sub" : userIDClaim
        guard let value = claims[name] else {
            // Somebody who asked for another claim did not mean "or else anonymous".
            guard userIDClaim.isEmpty else {
                throw .invalid(.claims, "the token does not have the claim of user_id_claim")
            }
            return ""
        }
        guard let user = value.string.map({ UserID($0) }) else {
            throw .invalid(.claims, "the token's user is not a string")
        }
        return user
    }

    /// Checks `aud` and `iss`.
    ///
    /// Both must agree with the address from which the verifying key came.
    func checkParties(of claims: JSONObject, binding: [String: String]) throws(TokenRefusal) {
        if !issuer.isEmpty {
            guard let text = claims["iss"]?.string, PartyName(text) == issuer else {
                throw .invalid(.issuer, "the token's issuer is not the expected one")
            }
        }
        if let issuerPattern {
            guard let text = claims["iss"]?.string, Self.agrees(issuerPattern.match(text, groups: variables), binding)
            else { throw .invalid(.issuer, "the token's issuer is not the expected one") }
        }
        guard !audience.isEmpty || audiencePattern != nil else { return }
        guard let audiences = claims["aud"].flatMap({ $0.string.map { [$0] } ?? $0.strings }) else {
            throw .invalid(.audience, "the token does not have the expected audience")
        }
        let isExpected = audiences.contains { text in
            if let audiencePattern { return Self.agrees(audiencePattern.match(text, groups: variables), binding) }
            return PartyName(text) == audience
        }
        guard isExpected else { throw .invalid(.audience, "the token does not have the expected audience") }
    }

    /// True for a match whose groups have the values of `binding`.
    ///
    /// An empty binding (a fixed key) demands nothing.
    private static func agrees(_ match: [String: String]?, _ binding: [String: String]) -> Bool {
        guard let match else { return false }
        return binding.allSatisfy { name, value in match[name].map { $0.utf8.elementsEqual(value.utf8) } ?? true }
    }

    /// Checks `nbf`, `exp` and `expire_at`. See `TokenAuthority.end`.
    ///
    /// - Returns: seconds since 1970 at which the token's power ends, at most 365 days away; 0 never.
    func end(of claims: JSONObject, nowMs: Int64) throws(TokenRefusal) -> Int64 {
        let now = nowMs / 1_000
        if let notBefore = try Self.time("nbf", of: claims), now < notBefore {
            throw .invalid(.notYet, "the token is not valid yet")
        }
        let expiry = try Self.time("exp", of: claims)
        let replacement = try Self.time("expire_at", of: claims)
        if let replacement, replacement < 0 { throw .invalid(.claims, "the token's expire_at is negative") }
        if let expiry, now >= expiry { throw .expired }
        guard let end = replacement ?? expiry, replacement != 0 else { return 0 }
        guard now < end else { throw .expired }
        return end - now > Self.lifetimeLimit ? now + Self.lifetimeLimit : end
    }

    private static func time(_ name: ClaimName, of claims: JSONObject) throws(TokenRefusal) -> Int64? {
        guard let value = claims[name] else { return nil }
        guard let seconds = value.seconds else { throw .invalid(.claims, "the token's \(name) is not a number") }
        return seconds
    }
}
