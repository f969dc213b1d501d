import PharosDomain

/// The configuration as its keys spell it.
///
/// Sections that belong together have yet to become one value.
struct ConfigurationDraft: Sendable {
    var configuration = PharosConfiguration()
    var tls = TLSSection()
    var apiKey = ""
    var apiKeys: [APIKey] = []
    var subscriptionToken = SubscriptionTokenSection()

    struct TLSSection: Sendable {
        var enabled = false
        var certificateFile = ""
        var keyFile = ""
        var port = 8443
    }

    struct SubscriptionTokenSection: Sendable {
        var enabled = false
        var tokens = TokenSettings()
    }

    /// The finished value; meaningful only after the rules have found nothing.
    func resolved() -> PharosConfiguration {
        var result = configuration
        // The edge binds addresses, not names.
        if result.settings.edge.address == "localhost" { result.settings.edge.address = "127.0.0.1" }
        if tls.enabled {
            result.settings.edge.tls = TLSSettings(
                certificateFile: tls.certificateFile, keyFile: tls.keyFile, port: tls.port)
        }
        result.settings.api.keys = (apiKey.isEmpty ? [] : [APIKey(key: apiKey)]) + apiKeys
        result.settings.hooks.lowercaseHeaderNames()
        result.settings.engine = EngineAddresses.resolve(result.settings.engine).engine
        result.subscriptionTokens = subscriptionToken.enabled ? subscriptionToken.tokens : nil
        return result
    }
}

extension HookSettings {
    /// Puts the names of headers into lower case.
    ///
    /// They are compared byte by byte when requests come, and the operator may spell them as usual.
    fileprivate mutating func lowercaseHeaderNames() {
        for index in origins.indices {
            origins[index].passes.headers = origins[index].passes.headers.map(\.asciiLowercased)
            origins[index].emulatedHeaders = origins[index].emulatedHeaders.map(\.asciiLowercased)
        }
    }
}
