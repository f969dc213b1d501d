import PharosDomain

/// The one table of all keys.
///
/// File, environment, flags, `config` commands and the reference page come from it.
package enum ConfigurationSchema {
    static let table = SettingTable<ConfigurationDraft>(
        http + httpAPI + websocket + transports
            + client.lifted("client", \.configuration.settings.client)
            + tokens.lifted("client.token", \.configuration.tokens)
            + subscriptionTokens
            + channel.lifted("channel", \.configuration.settings.channel)
            + application
            + store
            + engine.lifted("engine", \.configuration.settings.engine)
            + edge.lifted("edge", \.configuration.settings.edge)
            + roles + process + refused)

    /// Every key, in the order of the reference page.
    package static let keys: [SettingDescription] = table.descriptions(standard: ConfigurationDraft())

    /// The variable that sets a key: `http_server.port` is `PHAROS_HTTP_SERVER_PORT`.
    package static func variable(for key: String) -> String {
        variablePrefix + String(key.uppercased().map { $0 == "." ? "_" : $0 })
    }

    /// Variables with this prefix are settings; one that names no key is an error.
    package static let variablePrefix = "PHAROS_"

    /// Names the configuration file, where no flag does.
    package static let fileVariable = "PHAROS_CONFIG"
}
