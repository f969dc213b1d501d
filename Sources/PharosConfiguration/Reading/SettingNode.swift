/// A value as a source gave it, not yet of any type, and where it stands.
struct SettingNode: Sendable {
    var content: Content
    var origin: SettingOrigin

    indirect enum Content: Sendable {
        /// A YAML scalar or the whole text of a variable or flag.
        ///
        /// The characters as written: `0123` stays `0123`.
        case text(String)
        case list([SettingNode])
        case mapping([Entry])
        /// `key:` without a value, or `null`.
        case nothing
    }

    struct Entry: Sendable {
        var key: String
        var origin: SettingOrigin
        var value: SettingNode
    }

    /// The kind of value that stands here, for messages.
    ///
    /// The characters themselves are left out, since they may be a secret.
    var kind: String {
        switch content {
        case .text: "text"
        case .list: "a list"
        case .mapping: "a section"
        case .nothing: "nothing"
        }
    }
}
