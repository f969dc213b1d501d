/// A token setting that cannot work.
///
/// `description` names the setting and never holds a key.
package struct TokenConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The setting's name below `client.token` or `client.subscription_token`.
    package var setting: String
    package var message: String

    package init(setting: String, _ message: String) {
        self.setting = setting
        self.message = message
    }

    package var description: String { "\(setting): \(message)" }
}
