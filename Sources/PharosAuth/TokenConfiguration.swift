package import PharosDomain

/// The keys and the rules for one kind of token.
///
/// Setting names are those of `client.token`.
///
/// A fresh value has no key, and without a key each token is refused.
package struct TokenConfiguration: Equatable, Sendable {
    /// `hmac_secret_key`: for HS256, HS384 and HS512. "" none.
    package var hmacSecretKey = ""
    /// `hmac_previous_secret_key`; "" none.
    ///
    /// It is accepted besides the other while clients still hold old tokens.
    package var hmacPreviousSecretKey = ""
    /// `hmac_previous_secret_key_valid_until`: seconds since 1970.
    ///
    /// 0 until the setting is removed.
    package var hmacPreviousSecretKeyValidUntil: Int64 = 0
    /// `rsa_public_key`: PEM, for RS256, RS384 and RS512. At least 2,048 bits. "" none.
    package var rsaPublicKey = ""
    /// `ecdsa_public_key`: PEM; its curve decides between ES256, ES384 and ES512.
    ///
    /// "" none.
    package var ecdsaPublicKey = ""
    /// `jwks_public_endpoint`: address of a JWK Set. "" none.
    package var jwksEndpoint = ""
    /// `jwks_variables`: all values that each `{{name}}` of the endpoint may take.
    ///
    /// Without a list the name is an error.
    package var jwksVariables: [String: [String]] = [:]
    /// `audience`: must be among the token's `aud`. "" any.
    package var audience: PartyName = ""
    /// `audience_regex`: must be found in one of the token's `aud`; anchor it. "" any.
    package var audienceRegex = ""
    /// `issuer`: must be the token's `iss`. "" any.
    package var issuer: PartyName = ""
    /// `issuer_regex`: must be found in the token's `iss`; anchor it. "" any.
    package var issuerRegex = ""
    /// `max_length`: bytes of a whole token. What is longer is not looked at.
    package var maxLength = 16_384
    /// `user_id_claim`: the claim that holds the user id instead of `sub`.
    ///
    /// "" means `sub`.
    package var userIDClaim: ClaimName = ""

    package init() {}

    /// Whether no token can be verified at all.
    ///
    /// An operator should know of that at start.
    package var hasNoKeys: Bool {
        hmacSecretKey.isEmpty && hmacPreviousSecretKey.isEmpty && rsaPublicKey.isEmpty && ecdsaPublicKey.isEmpty
            && jwksEndpoint.isEmpty
    }
}

/// The configurations of both kinds of tokens.
package struct TokensConfiguration: Equatable, Sendable {
    package var connection = TokenConfiguration()
    /// nil: as for connection tokens.
    package var subscription: TokenConfiguration?

    package init() {}

    package init(connection: TokenConfiguration, subscription: TokenConfiguration? = nil) {
        self.connection = connection
        self.subscription = subscription
    }
}
