/// The permissions of clients in channels: pure rules, deny by default.
package struct Permissions {
    package let settings: ClientSettings
    package let rules: ChannelRules

    package init(settings: ClientSettings, rules: ChannelRules) {
        self.settings = settings
        self.rules = rules
    }

    /// Whether a connection may subscribe without a token.
    package func maySubscribe(_ channel: ChannelName, user: UserID, options: ChannelOptions) -> Bool {
        if options.allowUserLimitedChannels, let users = rules.listedUsers(channel) {
            return !user.isEmpty && users.contains(user)
        }
        if options.allowSubscribeForClient, !user.isEmpty || options.allowSubscribeForAnonymous { return true }
        return settings.insecure
    }

    /// Whether the channel's name itself lists the users that may subscribe.
    package func isUserLimited(_ channel: ChannelName, _ options: ChannelOptions) -> Bool {
        options.allowUserLimitedChannels && rules.listedUsers(channel) != nil
    }

    package func allows(_ allowance: ChannelOptions.Allowance, user: UserID, isSubscribed: Bool) -> Bool {
        if settings.insecure { return true }
        guard !user.isEmpty || allowance.forAnonymous else { return false }
        return allowance.forClient || (allowance.forSubscriber && isSubscribed)
    }
}
