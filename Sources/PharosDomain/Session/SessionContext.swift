/// The settings, the rules and the time that a session decides by.
package struct SessionContext {
    /// Shared by all contexts, so that making one copies nothing.
    package final class Settings: Sendable {
        package let client: ClientSettings
        package let hooks: HookSettings
        package init(_ client: ClientSettings, hooks: HookSettings = HookSettings()) {
            self.client = client
            self.hooks = hooks
        }
    }

    private let shared: Settings
    package let rules: ChannelRules
    package let now: Moment
    package let version: String

    package var hooks: HookSettings {
        _read { yield shared.hooks }
    }

    package var settings: ClientSettings {
        _read { yield shared.client }
    }

    package init(
        settings: ClientSettings, hooks: HookSettings = HookSettings(), rules: ChannelRules, now: Moment,
        version: String
    ) {
        self.init(Settings(settings, hooks: hooks), rules: rules, now: now, version: version)
    }

    package init(_ settings: Settings, rules: ChannelRules, now: Moment, version: String) {
        shared = settings
        self.rules = rules
        self.now = now
        self.version = version
    }

    var permissions: Permissions { Permissions(settings: settings, rules: rules) }
}
