package import PharosDomain

/// The whole configuration of one `pharos` process.
///
/// It has the services' settings and those of the process around them.
///
/// A fresh value allows nothing and opens nothing but the port on the loopback address.
package struct PharosConfiguration: Equatable, Sendable {
    package var settings = Self.standardSettings
    /// Keys and expectations for connection tokens.
    ///
    /// They count for subscription tokens without settings of their own, too.
    package var tokens = TokenSettings()
    /// Set if `client.subscription_token.enabled`.
    ///
    /// Then these settings alone count for subscription tokens.
    package var subscriptionTokens: TokenSettings?
    package var log = LogSettings()
    package var endpoints = EndpointSettings()

    package init() {}

    /// The settings of a fresh `ServerSettings`, with a durable store.
    ///
    /// A server that runs for people keeps the data that it has confirmed, unless it is configured otherwise.
    private static let standardSettings = {
        var settings = ServerSettings()
        settings.store.path = "pharos-data"
        return settings
    }()

    /// Whether any channel needs the durable store.
    ///
    /// Otherwise it is not opened, and no directory appears.
    package var storesOnDisk: Bool {
        let channels = [settings.channel.withoutNamespace] + settings.channel.namespaces.map(\.options)
        // A cluster's streams are kept by its engine.
        guard !settings.engine.kind.isShared || settings.engine.roles.contains(.topic) else { return false }
        return !settings.store.path.isEmpty && channels.contains { $0.hasHistory && $0.durability != .memory }
    }
}

extension PharosConfiguration {
    /// Whether any event is sent to the application.
    ///
    /// Then events that wait must be kept.
    package var tellsEvents: Bool {
        let hooks = settings.hooks
        return !hooks.events.isEmpty || hooks.keepAliveInterval > 0 || hooks.raw.contains { !$0.origin.isEmpty }
    }
}

/// How tokens are verified.
///
/// Texts are as configured: `PharosAuth` makes keys of them.
package struct TokenSettings: Equatable, Sendable {
    package var hmacSecretKey = ""
    /// Still accepted after a rotation, until `hmacPreviousSecretKeyValidUntil`.
    package var hmacPreviousSecretKey = ""
    /// Seconds since 1970; 0: without end.
    package var hmacPreviousSecretKeyValidUntil = 0
    /// PEM.
    package var rsaPublicKey = ""
    /// PEM.
    package var ecdsaPublicKey = ""
    /// `http` or `https` address of a key set, without variables.
    package var jwksPublicEndpoint = ""
    /// At most one of `audience` and `audienceRegex` is set; the same for the issuer.
    package var audience: PartyName = ""
    package var audienceRegex = ""
    package var issuer: PartyName = ""
    package var issuerRegex = ""
    /// Claim that names the user; "" is `sub`.
    package var userIDClaim: ClaimName = ""
    /// Bytes of a whole token.
    package var maxLength = 16_384

    package init() {}

    /// Whether any token can be verified at all.
    package var hasKey: Bool {
        !hmacSecretKey.isEmpty || !rsaPublicKey.isEmpty || !ecdsaPublicKey.isEmpty || !jwksPublicEndpoint.isEmpty
    }
}

/// The level and the form of the log.
package struct LogSettings: Equatable, Sendable {
    package var level = Level.info
    package var format = Format.text

    package init() {}

    package enum Level: String, Equatable, Sendable, CaseIterable {
        case trace, debug, info, warning, error
    }

    package enum Format: String, Equatable, Sendable, CaseIterable {
        case text, json
    }
}

/// Which of the optional HTTP endpoints answer.
///
/// All off: an endpoint is open only once somebody asked for it.
package struct EndpointSettings: Equatable, Sendable {
    /// `GET /health`.
    package var health = false
    /// `GET /metrics`.
    package var prometheus = false
    /// `GET /openapi.json`.
    package var openAPI = false
    /// `GET /`: the demo page and the browser client.
    package var demo = false
    /// Where the demo page finds this node and others.
    package var demoEndpoints: [String] = []

    package init() {}
}
