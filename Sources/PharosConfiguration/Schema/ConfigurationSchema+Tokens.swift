extension ConfigurationSchema {
    static let tokens = SettingTable<TokenSettings>([
        .secret("hmac_secret_key", \.hmacSecretKey, "Key of HS256, HS384 and HS512 tokens."),
        .secret(
            "hmac_previous_secret_key", \.hmacPreviousSecretKey, "The key before the last rotation, still accepted."),
        .integer(
            "hmac_previous_secret_key_valid_until", \.hmacPreviousSecretKeyValidUntil, 0...253_402_300_799,
            "Until when the previous key is accepted, in seconds since 1970; 0: without end."),
        .text("rsa_public_key", \.rsaPublicKey, "Public key of RS256, RS384 and RS512 tokens, PEM."),
        .text("ecdsa_public_key", \.ecdsaPublicKey, "Public key of ES256, ES384 and ES512 tokens, PEM."),
        .text(
            "jwks_public_endpoint", \.jwksPublicEndpoint,
            "Address of a key set; variables filled from tokens are not accepted."),
        .name("audience", \.audience, "The `aud` that tokens must have; empty: not checked."),
        .text("audience_regex", \.audienceRegex, "Pattern for `aud`, instead of `audience`."),
        .name("issuer", \.issuer, "The `iss` that tokens must have; empty: not checked."),
        .text("issuer_regex", \.issuerRegex, "Pattern for `iss`, instead of `issuer`."),
        .name("user_id_claim", \.userIDClaim, "Claim that names the user; empty: `sub`."),
        .integer(
            "max_length", \.maxLength, 512...1_048_576,
            "Bytes of a token; beyond it: `token too long`. In an address or a header a token also has to fit "
                + "`edge.head_size_limit`, in a command `websocket.message_size_limit`."),
    ])

    static let subscriptionTokens: [Setting<ConfigurationDraft>] =
        [
            .bool(
                "client.subscription_token.enabled", \.subscriptionToken.enabled,
                "Verify subscription tokens by these settings alone, not by `client.token`.")
        ] + tokens.lifted("client.subscription_token", \.subscriptionToken.tokens)
}
