package import PharosAuth
package import PharosConfiguration

extension TokensConfiguration {
    /// Keys and rules as a configuration has them.
    package init(settingsOf configuration: PharosConfiguration) {
        self.init(
            connection: TokenConfiguration(configuration.tokens),
            subscription: configuration.subscriptionTokens.map { TokenConfiguration($0) })
    }
}

extension TokenConfiguration {
    fileprivate init(_ settings: TokenSettings) {
        self.init()
        hmacSecretKey = settings.hmacSecretKey
        hmacPreviousSecretKey = settings.hmacPreviousSecretKey
        hmacPreviousSecretKeyValidUntil = Int64(settings.hmacPreviousSecretKeyValidUntil)
        rsaPublicKey = settings.rsaPublicKey
        ecdsaPublicKey = settings.ecdsaPublicKey
        jwksEndpoint = settings.jwksPublicEndpoint
        audience = settings.audience
        audienceRegex = settings.audienceRegex
        issuer = settings.issuer
        issuerRegex = settings.issuerRegex
        userIDClaim = settings.userIDClaim
        maxLength = settings.maxLength
    }
}
