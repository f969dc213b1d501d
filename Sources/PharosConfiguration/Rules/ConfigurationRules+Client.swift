import PharosDomain

extension ConfigurationRules {
    mutating func checkClient() {
        let client = settings.client
        if client.pingInterval > 0, client.pongTimeout >= client.pingInterval {
            refuse(
                "client.pong_timeout", with: ["client.ping_interval"],
                "\(DurationText.text(client.pongTimeout)) must be shorter than `client.ping_interval`, "
                    + DurationText.text(client.pingInterval))
        }
        if settings.edge.messageSizeLimit > client.queueMaxSize {
            refuse(
                "websocket.message_size_limit", with: ["client.queue_max_size"],
                "\(settings.edge.messageSizeLimit) must not exceed `client.queue_max_size`, \(client.queueMaxSize), "
                    + "or one publication of that size would close every subscriber")
        }
        checkAllowedOrigins(client.allowedOrigins)
        let headerKey = "client.user_id_http_header"
        if !client.userIDHTTPHeader.utf8.allSatisfy(Self.isHeaderByte) {
            refuse(headerKey, "not the name of a header: `\(client.userIDHTTPHeader.text.prefix(80))`")
        }
        let namespace = client.personalChannelNamespace
        if !namespace.isEmpty, !settings.channel.namespaces.contains(where: { $0.name == namespace }) {
            refuse(
                "client.subscribe_to_user_personal_channel.personal_channel_namespace", with: ["channel.namespaces"],
                "no namespace `\(namespace.text.prefix(80))` in `channel.namespaces`")
        }
    }

    /// Checks all entries at once.
    ///
    /// One that matches nothing lets in no page that it should not, and keeps out those that it should let in.
    private mutating func checkAllowedOrigins(_ entries: [String]) {
        var faults: [String] = []
        for entry in entries {
            let corrected = AllowedOrigin.corrected(entry)
            if corrected == entry { continue }
            let shown = "`\(AllowedOrigin.shown(entry))`"
            faults.append(corrected.map { "\(shown) is spelled `\($0)`" } ?? "\(shown) is no origin")
        }
        guard !faults.isEmpty else { return }
        refuse(
            "client.allowed_origins",
            "browsers send scheme, host and a port that is not the scheme's own, in lower case and nothing else, such as "
                + "https://*.example.com: " + faults.joined(separator: "; "))
    }

    mutating func checkTokens(_ section: String, _ tokens: TokenSettings) {
        checkPattern("\(section).audience_regex", tokens.audienceRegex)
        checkPattern("\(section).issuer_regex", tokens.issuerRegex)
        for name in ["audience", "issuer"] {
            let isAudience = name == "audience"
            let text = isAudience ? tokens.audience : tokens.issuer
            let pattern = isAudience ? tokens.audienceRegex : tokens.issuerRegex
            if !text.isEmpty, !pattern.isEmpty {
                refuse(
                    "\(section).\(name)_regex", with: ["\(section).\(name)"],
                    "give either this or `\(section).\(name)`")
            }
        }
        checkKeys(section, tokens)
        let claim = tokens.userIDClaim
        if !claim.utf8.allSatisfy({ Self.isLetter($0) || $0 == UInt8(ascii: "_") }) {
            refuse("\(section).user_id_claim", "expected letters and `_` only, found `\(claim.text.prefix(80))`")
        }
    }

    private mutating func checkKeys(_ section: String, _ tokens: TokenSettings) {
        if !tokens.hmacPreviousSecretKey.isEmpty, tokens.hmacSecretKey.isEmpty {
            refuse(
                "\(section).hmac_previous_secret_key", with: ["\(section).hmac_secret_key"],
                "needs `\(section).hmac_secret_key`, the key that follows it")
        }
        for (name, text) in [("rsa_public_key", tokens.rsaPublicKey), ("ecdsa_public_key", tokens.ecdsaPublicKey)]
        where !text.isEmpty && !text.contains("-----BEGIN ") {
            refuse("\(section).\(name)", "expected the text of a PEM public key")
        }
        let endpoint = tokens.jwksPublicEndpoint
        guard !endpoint.isEmpty else { return }
        let key = "\(section).jwks_public_endpoint"
        if endpoint.contains("{{") {
            // The claims of a token must never decide which host the server asks.
            refuse(key, "variables in the address are not available in this version")
        } else if !(endpoint.hasPrefix("https://") || endpoint.hasPrefix("http://"))
            || endpoint.contains(where: \.isWhitespace)
        {
            refuse(key, "expected an address that begins with https:// or http://")
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
    }

    private static func isHeaderByte(_ byte: UInt8) -> Bool {
        isLetter(byte) || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: "_")
    }
}
