/// Everything that is wrong with a configuration, found in one pass.
package struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    package var problems: [ConfigurationProblem]
    /// Values that were passed over, with the reason; these are no problems.
    package var notices: [String] = []
    /// The form of the messages, as far as the sources have set it.
    package var log = LogSettings()

    /// One problem per line, in the order of the sources.
    package var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}

/// One problem to fix: its source, and a message that names the key.
///
/// A message never holds the value of a secret.
package struct ConfigurationProblem: Equatable, Sendable, CustomStringConvertible {
    /// Dotted, with indices: `channel.namespaces[0].history_ttl`.
    ///
    /// Empty: the source as a whole.
    package var key: String
    package var origin: SettingOrigin
    package var message: String

    package var description: String {
        switch origin {
        case .standard, .development: message
        default: "\(origin): \(message)"
        }
    }
}
