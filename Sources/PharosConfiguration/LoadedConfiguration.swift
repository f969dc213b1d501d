import PharosDomain

/// A configuration that may be started, and where each of its values came from.
package struct LoadedConfiguration: Sendable {
    package let configuration: PharosConfiguration
    /// By dotted key, with indices inside lists; a key that is absent has its default.
    package let origins: [String: SettingOrigin]
    /// The openings that `--dev` makes, one line each; else empty.
    package let developmentOpenings: [String]
    /// Variables that are no settings though their names say so.
    ///
    /// One line for each source of such.
    package let passedOver: [String]
    /// Lines to print at start.
    ///
    /// They name values that were passed over, features that are closed for want of configuration, and those that are
    /// more open than they should be.
    package let notices: [String]
    let draft: ConfigurationDraft

    init(draft: ConfigurationDraft, origins: [String: SettingOrigin], passedOver: [String] = [], development: Bool) {
        self.draft = draft
        self.origins = origins
        configuration = draft.resolved()
        developmentOpenings = development ? DevelopmentDefaults.report(draft, origins) : []
        self.passedOver = passedOver
        notices = passedOver + StartNotices.lines(configuration, origins)
    }

    package func origin(of key: String) -> SettingOrigin {
        origins[key] ?? .standard
    }
}

/// The notices of a start.
///
/// They say which features are closed for want of configuration, and which opening is dangerous outside of development.
enum StartNotices {
    static func lines(_ configuration: PharosConfiguration, _ origins: [String: SettingOrigin]) -> [String] {
        let settings = configuration.settings
        var lines: [String] = []
        let isOpenByChoice = settings.client.insecure && origins["client.insecure"] != .development
        if isOpenByChoice {
            lines.append("client.insecure is on: everybody may connect, subscribe and publish without a token")
        }
        if settings.api.insecure, origins["http_api.insecure"] != .development {
            lines.append("http_api.insecure is on: every program that reaches the port may call the server API")
        }
        if !settings.client.insecure {
            if !configuration.tokens.hasKey {
                let others =
                    settings.client.allowAnonymousConnectWithoutToken || !settings.client.userIDHTTPHeader.isEmpty
                    || !settings.hooks.connect.isEmpty || !settings.hooks.handshake.isEmpty
                lines.append(
                    "no key for tokens: every token is refused" + (others ? "" : ", so no client can connect")
                        + "; set client.token.hmac_secret_key or another key of client.token")
            }
            if settings.client.allowedOrigins.isEmpty {
                lines.append("no allowed origins: browsers cannot connect; set client.allowed_origins")
            }
        }
        if settings.api.keys.isEmpty, !settings.api.insecure {
            lines.append("no API key: every call of the server API is refused; set http_api.key")
        }
        return lines + applicationLines(configuration)
    }

    private static func applicationLines(_ configuration: PharosConfiguration) -> [String] {
        let hooks = configuration.settings.hooks
        var lines: [String] = []
        for path in hooks.raw where path.open {
            lines.append("raw path \(path.path) is open: everybody may connect to it")
        }
        let unsigned = hooks.origins.filter { $0.secret.isEmpty }.map(\.name.text)
        if !unsigned.isEmpty {
            lines.append(
                "no secret for \(unsigned.joined(separator: ", ")): the application cannot tell requests of this server "
                    + "from others; set origins[].secret")
        }
        if configuration.tellsEvents, configuration.settings.store.path.isEmpty {
            lines.append(
                "no store.path: events that were not sent yet are lost when this process ends, and the application does "
                    + "not learn which clients were connected")
        }
        return lines
    }
}
